import { randomUUID } from 'node:crypto';
import { bodyHmac, contentDigestOf, signRequest } from '../../src/protocol/signing/signing.js';

export interface SignedRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly body?: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** With an HTTP message signature by a clock that is `ahead` seconds ahead. */
export function signedRequest(
  secret: string,
  method: string,
  target: string,
  json?: unknown,
  ahead = 0,
): SignedRequest {
  const body = json === undefined ? undefined : Buffer.from(JSON.stringify(json));
  const digest = contentDigestOf(body ?? Buffer.alloc(0));
  const headers = {
    'content-type': 'application/json',
    ...signRequest(secret, { method, target, digest }, Date.now() / 1000 + ahead, randomUUID()),
  };
  return { method, target, headers, ...(body === undefined ? {} : { body }) };
}

/** With an HMAC of the body. */
export function digestedRequest(
  secret: string,
  method: string,
  target: string,
  json: unknown,
): SignedRequest {
  const body = Buffer.from(JSON.stringify(json));
  const headers = {
    'content-type': 'application/json',
    'clusterrunner-message-authentication-digest': bodyHmac(secret, body),
  };
  return { method, target, headers, body };
}

export interface Reply {
  readonly status: number;
  readonly code: unknown;
  readonly error: unknown;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

export async function sendTo(url: string, request: SignedRequest): Promise<Reply> {
  const { method, target, headers, body } = request;
  const response = await fetch(url + target, {
    method,
    headers,
    redirect: 'manual',
    // A GET cannot have one.
    ...(body === undefined || method === 'GET' ? {} : { body }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  const read: Record<string, unknown> = isJson && text !== '' ? JSON.parse(text) : {};
  return {
    status: response.status,
    code: read.code,
    error: read.error,
    body: read,
    headers: response.headers,
  };
}

/** A GET without a signature. */
export function plain(target: string, headers: Readonly<Record<string, string>> = {}): SignedRequest {
  return { method: 'GET', target, headers };
}
