import type { Readable } from 'node:stream';
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { type Dispatcher, errors as undiciErrors } from 'undici';
import { hasCode } from '../lib/error-code.js';
import { textStart } from '../lib/text/text-ends.js';
import { ClusterRunnerError, isErrorCode, messageOf } from '../protocol/errors.js';

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Seconds until the head of the response must have arrived. */
  readonly timeoutSeconds?: number;
}

export interface RawRequest {
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer | Readable | null;
  /** The secret with which it is signed. */
  readonly secret: string;
}

/**
 * Sends one request and waits for the head of the response.
 * @throws ClusterRunnerError MASTER_UNREACHABLE without a response; the signal's reason when aborted.
 */
export async function send(
  dispatcher: Dispatcher,
  origin: string,
  request: RawRequest,
  timeoutSeconds: number,
  signal: AbortSignal | undefined,
): Promise<Dispatcher.ResponseData> {
  try {
    return await dispatcher.request({
      origin,
      path: request.path,
      method: request.method,
      headers: request.headers,
      body: request.body,
      headersTimeout: timeoutSeconds * 1000,
      bodyTimeout: timeoutSeconds * 1000,
      signal: signal ?? null,
    });
  } catch (error) {
    throw unreachable(origin, request, error, signal);
  }
}

/** The error for a request that broke before its response was complete. */
export function unreachable(
  origin: string,
  request: Pick<RawRequest, 'method' | 'path'>,
  error: unknown,
  signal: AbortSignal | undefined,
): unknown {
  if (signal?.aborted) {
    return signal.reason;
  }
  return new ClusterRunnerError(
    'MASTER_UNREACHABLE',
    `No response from the master at ${origin} (${request.method} ${request.path}: ${reasonOf(error)}); ` +
      'check its address and that it is running.',
    { cause: error },
  );
}

function reasonOf(error: unknown): string {
  if (error instanceof undiciErrors.HeadersTimeoutError || error instanceof undiciErrors.BodyTimeoutError) {
    return 'timed out';
  }
  if (error instanceof AggregateError && error.errors.length > 0) {
    return messageOf(error.errors[0]);
  }
  if (hasCode(error, 'ERR_SSL_WRONG_VERSION_NUMBER')) {
    return 'it does not speak TLS, so its URL begins with http://';
  }
  return messageOf(error);
}

const ErrorBody = Type.Object({ error: Type.String(), code: Type.Optional(Type.String()) });

/** The error in a response; for a response that is not from a master, its status and first bytes. */
export function errorOfResponse(
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: unknown,
  text: string,
  what: string,
): ClusterRunnerError {
  const retryAfter = Number(headers['retry-after']);
  const more = { status, ...(retryAfter > 0 ? { retryAfterSeconds: retryAfter } : {}) };
  if (Value.Check(ErrorBody, body)) {
    const code = isErrorCode(body.code) ? body.code : codeOfStatus(status);
    return new ClusterRunnerError(code, body.error, more);
  }
  return new ClusterRunnerError(
    codeOfStatus(status),
    `${what} got the status ${status}, and not from a ClusterRunner master (${JSON.stringify(textStart(text, 80))}); ` +
      'check the URL.',
    more,
  );
}

function codeOfStatus(status: number) {
  switch (status) {
    case 401:
      return 'UNAUTHENTICATED';
    case 404:
      return 'NOT_FOUND';
    case 409:
      return 'CONFLICT';
    case 429:
      return 'TOO_MANY_REQUESTS';
    case 502:
    case 503:
    case 504:
      return 'UNAVAILABLE';
    default:
      return status >= 500 ? 'INTERNAL' : 'INVALID_REQUEST';
  }
}
