import type { IncomingMessage } from 'node:http';
import { ClusterRunnerError } from '../../protocol/errors.js';

/** What is read and thrown away of a refused body, so that its sender gets to read the refusal. */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;
/** And for so long. */
const DISCARD_MS = 10_000;

/**
 * The body in the chunks in which it arrives. Leaving the loop does not end the connection, on which the
 * answer still has to go out. @throws ClusterRunnerError INVALID_REQUEST when the client breaks off.
 */
export async function* chunksOf(
  request: Pick<IncomingMessage, 'iterator' | 'complete'>,
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      yield chunk;
    }
  } catch (error) {
    // It may have sent all and hung up before that was read.
    if (request.complete && !(error instanceof Error && 'code' in error && error.code === 'ECONNRESET')) {
      throw error;
    }
    throw new ClusterRunnerError('INVALID_REQUEST', 'The connection broke before the body was complete.', {
      cause: error,
    });
  }
}

/** Gives `read` a signal that is aborted, with TOO_SLOW, when its time is over. */
export async function inTime<T>(seconds: number, read: (late: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new ClusterRunnerError('TOO_SLOW', `The body did not arrive within ${seconds} s.`)),
    seconds * 1000,
  );
  try {
    return await read(late.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** For a sender who has not shown yet that he has the secret. */
export interface Restraint {
  readonly late: AbortSignal;
  /** Told of all bytes before they are held; throws when they are too many. */
  hold(bytes: number): void;
}

/**
 * Every byte as it came.
 * @throws ClusterRunnerError BODY_TOO_LARGE as soon as that is known; what `late` is aborted with, what `hold` throws
 */
export async function readBytes(
  request: IncomingMessage,
  maxBytes: number,
  restraint?: Restraint,
): Promise<Buffer> {
  if (restraint === undefined) {
    return await readAll(request, maxBytes);
  }
  const reading = readAll(request, maxBytes, restraint.hold);
  return await Promise.race([reading, rejectionOf(restraint.late, reading)]);
}

async function readAll(
  request: IncomingMessage,
  maxBytes: number,
  hold?: (bytes: number) => void,
): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    throw tooLarge(maxBytes);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(request)) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw tooLarge(maxBytes);
    }
    hold?.(chunk.length);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Rejects when the signal comes before the end of the reading, which is then nobody's any more. */
function rejectionOf(late: AbortSignal, reading: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    late.addEventListener(
      'abort',
      () => {
        reading.catch(() => undefined);
        reject(late.reason);
      },
      { once: true },
    );
  });
}

/** Reads on after an early answer, within bounds; a client that goes on sending is cut off. */
export function discardRest(request: IncomingMessage): void {
  if (request.complete || request.destroyed) {
    return;
  }
  const cutOff = setTimeout(() => request.destroy(), DISCARD_MS);
  request.once('close', () => clearTimeout(cutOff));
  request.once('end', () => clearTimeout(cutOff));
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_DISCARDED_BYTES) {
      request.destroy();
    }
  });
  // The client may hang up while it is not listened to: that is its right.
  request.on('error', () => request.destroy());
  request.resume();
}

export function tooLarge(maxBytes: number): ClusterRunnerError {
  return new ClusterRunnerError(
    'BODY_TOO_LARGE',
    `The body of the request is larger than the ${maxBytes} bytes that are taken here.`,
  );
}
