import type { Static, TObject, TSchema } from '@sinclair/typebox';

/**
 * How a request must be signed.
 * none: reading. document: the body-only digest of the API document, or the signature of the parts.
 * parts: the signature over method, path, time, nonce and body that ClusterRunner's own parts use.
 */
export type Signing = 'none' | 'body-hmac' | 'http-signature';

/** What an answer that is not the API's own JSON consists of. */
export type MediaType =
  | 'application/gzip'
  | 'application/zip'
  | 'application/json'
  | 'application/octet-stream'
  /** The text format of Prometheus. */
  | 'text/plain; version=0.0.4; charset=utf-8'
  | 'text/event-stream';

/** One route of the master's API. Server validation, client types and `child_routes` all come from it. */
export interface RouteDeclaration {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With the `/v1`, parameters as `:name`; `*name` at the end is all the rest, with its slashes. */
  readonly path: string;
  readonly signing: Signing;
  readonly summary: string;
  readonly params: TObject;
  readonly query: TObject;
  /** null: no body. 'stream': bytes that are not held in memory. */
  readonly body: TSchema | null | 'stream';
  readonly status: 200 | 201 | 202 | 302;
  /** What the answer holds beside STATUS and child_routes; or the media type of bytes, or a redirect. */
  readonly response: TObject | MediaType | 'redirect';
  /** Other statuses that are no error, and what they say. */
  readonly alsoResponds?: Readonly<Record<number, string>>;
  /** What it changes is to be known afterwards with who asked for it: the master logs each request that it takes. */
  readonly isLogged?: true;
  /** Label to route name, for `child_routes`. */
  readonly children?: Readonly<Record<string, string>>;
}

export type ParamsOf<R extends RouteDeclaration> = Static<R['params']>;
export type QueryOf<R extends RouteDeclaration> = Static<R['query']>;
export type BodyOf<R extends RouteDeclaration> = R['body'] extends TSchema ? Static<R['body']> : undefined;
export type ResponseOf<R extends RouteDeclaration> = R['response'] extends TSchema
  ? Static<R['response']>
  : undefined;

/** Checks a declaration and keeps its precise type. */
export function declareRoute<const R extends RouteDeclaration>(route: R): R {
  return route;
}
