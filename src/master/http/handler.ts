import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { AnswerOf, BodyOf, ParamsOf, QueryOf, RouteDeclaration } from '../../protocol/route.js';
import type { RouteName, routes } from '../../protocol/routes.js';
import type { ListResponse } from './response/list-response.js';

/** The body of a route that declares 'stream': the handler reads it, and must have it verified before it acts. */
export class IncomingBody {
  /** Chunks as they arrive. Leaving a loop over it early keeps the connection, so that it can be answered. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Throws UNAUTHENTICATED unless the whole body, whose SHA-256 this is, is the one that was signed. */
  readonly verify: (sha256: Buffer) => void;

  constructor(chunks: AsyncIterable<Buffer>, verify: (sha256: Buffer) => void) {
    this.chunks = chunks;
    this.verify = verify;
  }
}

/** 202: ask again later; `error` says for what. */
export interface NotYet {
  readonly ready: false;
  readonly error: string;
}

/** The answer of a route that declares bytes. A text that is small may come whole. */
export interface Content {
  readonly ready: true;
  readonly content: Readable | string;
  /** null when it is not known beforehand, or `content` is a text. */
  readonly bytes: number | null;
  /** The name under which a browser keeps it; null when it shows it. */
  readonly fileName: string | null;
  /** 206: where in the whole, which has `total` bytes, the content begins. */
  readonly part?: { readonly start: number; readonly total: number };
}

/** The answer of a route that declares a redirect. */
export interface Redirect {
  readonly ready: true;
  readonly location: string;
}

/** 304: what the client has, as it said in If-None-Match, is what there is. */
export const UNCHANGED = Symbol('unchanged');

export type HandlerBody<R extends RouteDeclaration> = R['body'] extends 'stream' ? IncomingBody : BodyOf<R>;
export type HandlerResponse<R extends RouteDeclaration> = R['answer'] extends 'redirect'
  ? Redirect | NotYet
  : R['answer'] extends string
    ? Content | NotYet
    : AnswerOf<R> | ListIn<AnswerOf<R>> | typeof UNCHANGED;

/** The list of an answer that has one, beside `total` alone, to be sent page by page. */
type ListIn<Answer> = {
  [Name in keyof Answer & string]: Answer[Name] extends readonly (infer Row)[]
    ? ListResponse<Name, Row>
    : never;
}[keyof Answer & string];

/** One request, with everything checked against the route's declaration. */
export interface Call<R extends RouteDeclaration> {
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: HandlerBody<R>;
  readonly headers: IncomingHttpHeaders;
  /** Aborted when nobody waits for the answer any more: the client hung up, or the master stops. */
  readonly gone: AbortSignal;
  /** Aborted when the master stops: for answers that go on after the handler is done. */
  readonly stopping: AbortSignal;
  /** Adds a header to the answer. */
  setHeader(name: string, value: string): void;
}

export type Handler<R extends RouteDeclaration> = (call: Call<R>) => Promise<HandlerResponse<R>>;

/** One handler for each declared route: a missing one does not compile. */
export type Handlers = { readonly [Name in RouteName]: Handler<(typeof routes)[Name]> };
