import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { API_VERSION } from '../../../protocol/routes.js';

/*
 * Answers to what never reaches the app.
 */

interface Refusal {
  readonly status: string;
  readonly code: string;
  readonly sentence: string;
  readonly retryAfterSeconds?: number;
}

/** What is no HTTP, or too slow, or has headers that are too large. */
export function respondUnparsable(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  sessionId: string | undefined,
): void {
  if (!socket.writable || isNoHttp(error)) {
    socket.destroy();
    return;
  }
  answer(socket, refusalOf(error.code), sessionId);
}

/** One connection more than the master keeps. */
export function respondFull(socket: Socket, sessionId: string | undefined): void {
  const refusal: Refusal = {
    status: '503 Service Unavailable',
    code: 'UNAVAILABLE',
    sentence: 'The master has as many connections as it keeps (max_connections); try again later.',
    retryAfterSeconds: 5,
  };
  socket.on('error', () => socket.destroy());
  answer(socket, refusal, sessionId);
  socket.destroySoon();
}

/** Of a handshake that failed nothing can be told in plain text. */
function isNoHttp({ code }: NodeJS.ErrnoException): boolean {
  return code?.startsWith('ERR_SSL_') === true || code?.startsWith('ERR_TLS_') === true;
}

function answer(socket: Duplex, refusal: Refusal, sessionId: string | undefined): void {
  const { status, code, sentence, retryAfterSeconds } = refusal;
  const body = JSON.stringify({ STATUS: 'FAILURE', error: sentence, code });
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `Api-Version: ${API_VERSION}`,
    ...(sessionId === undefined ? [] : [`Session-Id: ${sessionId}`]),
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
        sentence: 'The headers of the request are too large.',
      };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        status: '408 Request Timeout',
        code: 'TOO_SLOW',
        sentence: 'The request took too long to arrive.',
      };
    default:
      return {
        status: '400 Bad Request',
        code: 'INVALID_REQUEST',
        sentence: 'This is not a valid HTTP request.',
      };
  }
}
