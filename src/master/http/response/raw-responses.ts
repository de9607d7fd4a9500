import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { API_VERSION } from '../../../protocol/routes.js';

/* Responses on connections without a request that reaches the app. */

interface Refusal {
  readonly status: string;
  readonly code: string;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

/** Responds to bytes that are no HTTP request, to headers that are too large, and to requests that are too slow. */
export function respondUnparsable(error: NodeJS.ErrnoException, socket: Duplex, sessionId: string): void {
  if (!socket.writable || isNoHttp(error)) {
    socket.destroy();
    return;
  }
  respond(socket, refusalOf(error.code), sessionId);
}

/** Responds on a connection beyond the limit. */
export function respondFull(socket: Socket, sessionId: string): void {
  const refusal: Refusal = {
    status: '503 Service Unavailable',
    code: 'UNAVAILABLE',
    message: 'The master has as many connections as it keeps (max_connections); try again later.',
    retryAfterSeconds: 5,
  };
  socket.on('error', () => socket.destroy());
  respond(socket, refusal, sessionId);
  socket.destroySoon();
}

/** After a failed TLS handshake, plain text cannot be read. */
function isNoHttp({ code }: NodeJS.ErrnoException): boolean {
  return code?.startsWith('ERR_SSL_') === true || code?.startsWith('ERR_TLS_') === true;
}

function respond(socket: Duplex, refusal: Refusal, sessionId: string): void {
  const { status, code, message, retryAfterSeconds } = refusal;
  const body = JSON.stringify({ STATUS: 'FAILURE', error: message, code });
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `Api-Version: ${API_VERSION}`,
    `Session-Id: ${sessionId}`,
    ...(retryAfterSeconds === undefined ? [] : [`Retry-After: ${retryAfterSeconds}`]),
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function refusalOf(code: string | undefined): Refusal {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return {
        status: '431 Request Header Fields Too Large',
        code: 'INVALID_REQUEST',
        message: 'The headers of the request are too large.',
      };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        status: '408 Request Timeout',
        code: 'TOO_SLOW',
        message: 'The request took too long to arrive.',
      };
    default:
      return {
        status: '400 Bad Request',
        code: 'INVALID_REQUEST',
        message: 'This is not a valid HTTP request.',
      };
  }
}
