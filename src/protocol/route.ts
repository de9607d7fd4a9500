import type { Static, TObject, TSchema } from '@sinclair/typebox';

/**
 * How a request must be signed.
 * - none: it need not be.
 * - http-signature: with an HTTP Message Signature (RFC 9421) over method, path, query, time, nonce and body.
 * - body-hmac: with that, or with an HMAC over the body alone, as in the document of the API.
 */
export type Signing = 'none' | 'body-hmac' | 'http-signature';

/** Media types of responses other than the API's own JSON. */
export type MediaType =
  | 'application/gzip'
  | 'application/zip'
  | 'application/json'
  | 'application/octet-stream'
  /** The text format of Prometheus. */
  | 'text/plain; version=0.0.4; charset=utf-8'
  | 'text/event-stream';

/** One route of the master's API. Validation, the client's types, `child_routes` and the OpenAPI document derive from it. */
export interface RouteDeclaration {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Includes `/v1`. `:name` is a parameter; `*name` at the end is the rest of the path, with its slashes. */
  readonly path: string;
  readonly signing: Signing;
  /** Whether it is served without credentials also where reading needs them. */
  readonly isOpen?: true;
  /** Whether a control token may take the place of the signature. */
  readonly byControlToken?: true;
  readonly summary: string;
  readonly params: TObject;
  readonly query: TObject;
  /** null: no body. 'stream': bytes that are not kept in memory. */
  readonly body: TSchema | null | 'stream';
  readonly status: 200 | 201 | 202 | 302;
  /** The response's JSON apart from STATUS and child_routes, the media type of bytes, or a redirect. */
  readonly response: TObject | MediaType | 'redirect';
  /** Other statuses that are no errors, with their meaning. */
  readonly alsoResponds?: Readonly<Record<number, string>>;
  /** Whether the master logs each accepted request with its sender. */
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
