import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { BodyOf, ParamsOf, QueryOf, ResponseOf, RouteDeclaration } from '../../protocol/route.js';
import type { RouteName, routes } from '../../protocol/routes.js';
import type { SessionAccess } from './auth/session-access.js';
import type { ListResponse } from './response/list-response.js';
import type { PreparedJson } from './response/prepared-json.js';

/** The body of a route that declares 'stream': the handler reads it, and must verify it before it acts on it. */
export class IncomingBody {
  /** Chunks as they arrive. Leaving a loop over them early keeps the connection, for the response. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Throws UNAUTHENTICATED unless the whole body, which has this SHA-256, is the one that was signed. */
  readonly verify: (sha256: Buffer) => void;

  constructor(chunks: AsyncIterable<Buffer>, verify: (sha256: Buffer) => void) {
    this.chunks = chunks;
    this.verify = verify;
  }
}

/** 202: not ready yet; `error` says what is awaited. */
export interface NotYet {
  readonly ready: false;
  readonly error: string;
}

/** The response of a route that declares bytes. A small text may be a string. */
export interface Content {
  readonly ready: true;
  readonly content: Readable | string;
  /** null when the length is not known beforehand, or `content` is a string. */
  readonly bytes: number | null;
  /** The name under which a browser saves it; null when it displays it. */
  readonly fileName: string | null;
  /** The media type, where the declared one is that of any bytes. */
  readonly type?: string;
  /** For 206: where the content begins in the whole of `total` bytes. */
  readonly part?: { readonly start: number; readonly total: number };
}

/** The response of a route that declares a redirect. */
export interface Redirect {
  readonly ready: true;
  readonly location: string;
}

/** 304: the client has the current version, by its If-None-Match. */
export const UNCHANGED = Symbol('unchanged');

export type HandlerBody<R extends RouteDeclaration> = R['body'] extends 'stream' ? IncomingBody : BodyOf<R>;
export type HandlerResponse<R extends RouteDeclaration> = R['response'] extends 'redirect'
  ? Redirect | NotYet
  : R['response'] extends string
    ? Content | NotYet
    : ResponseOf<R> | ListIn<ResponseOf<R>> | PreparedJson<ResponseOf<R>> | typeof UNCHANGED;

/** The list of a response that has one and `total` alone, to be sent page by page. */
type ListIn<Response> = {
  [Name in keyof Response & string]: Response[Name] extends readonly (infer Row)[]
    ? ListResponse<Name, Row>
    : never;
}[keyof Response & string];

/** One request, validated against the route's declaration. */
export interface Call<R extends RouteDeclaration> {
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: HandlerBody<R>;
  readonly headers: IncomingHttpHeaders;
  readonly session: SessionAccess;
  /** Aborted when nobody waits for the response any more: the client hung up, or the master stops. */
  readonly gone: AbortSignal;
  /** Aborted when the master stops: for responses that go on after the handler is done. */
  readonly stopping: AbortSignal;
  /** Adds a header to the response. */
  setHeader(name: string, value: string): void;
}

export type Handler<R extends RouteDeclaration> = (call: Call<R>) => Promise<HandlerResponse<R>>;

/** One handler for each declared route: a missing one does not compile. */
export type Handlers = { readonly [Name in RouteName]: Handler<(typeof routes)[Name]> };
