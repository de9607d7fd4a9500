import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { bodyHmac, contentDigestOf, signRequest } from '../../src/protocol/signing/signing.js';
import type { FakeMaster } from './fake-master.js';

export interface RawResponse {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON of the response; empty if it is not a JSON object. */
  readonly body: Record<string, unknown>;
}

/** Sends requests that no typed client would. Only the head of server-sent events is read. */
export async function request(
  master: FakeMaster,
  method: string,
  path: string,
  init: RequestInit = {},
): Promise<RawResponse> {
  const response = await fetch(master.url + path, { ...init, method, redirect: 'manual' });
  if (response.headers.get('content-type')?.startsWith('text/event-stream') === true) {
    // Its body would never end.
    await response.body?.cancel();
    return { status: response.status, headers: response.headers, body: {} };
  }
  const content = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  const body: Record<string, unknown> = isJson && content !== '' ? JSON.parse(content) : {};
  return { status: response.status, headers: response.headers, body };
}

/** Sends a body with its HMAC. */
export function signed(
  master: FakeMaster,
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<RawResponse> {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  return request(master, method, path, {
    body: bytes,
    headers: {
      'content-type': 'application/json',
      'ClusterRunner-Message-Authentication-Digest': bodyHmac(master.secret, bytes),
      ...headers,
    },
  });
}

/** Sends a body with an HTTP message signature. */
export function signedAsRfc9421(
  master: FakeMaster,
  method: string,
  target: string,
  body: unknown,
): Promise<RawResponse> {
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body));
  const signature = signRequest(
    master.secret,
    { method, target, digest: contentDigestOf(bytes) },
    Date.now() / 1000,
    randomUUID(),
  );
  return request(master, method, target, {
    ...(body === undefined ? {} : { body: bytes }),
    headers: { 'content-type': 'application/json', ...signature },
  });
}

/** Sends raw bytes, and returns everything that arrives until the connection ends. */
export async function sendBytes(master: FakeMaster, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(master.url).port), '127.0.0.1');
  socket.write(bytes);
  return await text(socket);
}
