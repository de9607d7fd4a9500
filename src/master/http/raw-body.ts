import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { ClusterRunnerError } from '../../protocol/errors.js';

/** What is read and thrown away of a refused body, so that its sender gets to read the refusal. */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;
/** And for so long. */
const DISCARD_MS = 10_000;

type IncomingBytes = Readable & Pick<IncomingMessage, 'complete' | 'headers'>;

/** Of a body that is no longer than this nothing is gained by taking it piece by piece. */
const SMALL_BYTES = 256 * 1024;

/**
 * The body in the chunks in which it arrives; a small one whole. Leaving the loop does not end the connection, on which
 * the answer still has to go out. @throws ClusterRunnerError INVALID_REQUEST when the client breaks off.
 */
export async function* chunksOf(request: IncomingBytes): AsyncGenerator<Buffer> {
  if (Number(request.headers['content-length'] ?? Infinity) <= SMALL_BYTES) {
    yield await readAll(request, SMALL_BYTES);
    return;
  }
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      yield chunk;
    }
  } catch (error) {
    // It may have sent all and hung up before that was read.
    if (request.complete && !isReset(error)) {
      throw error;
    }
    throw brokenOff(error);
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

/** By the stream's events: what iterates over it costs more than the rest of a small request. */
function readAll(request: IncomingBytes, maxBytes: number, hold?: (bytes: number) => void): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    return Promise.reject(tooLarge(maxBytes));
  }
  if (request.destroyed && !request.readableEnded) {
    return Promise.reject(brokenOff(request.errored));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const take = (chunk: Buffer) => {
      bytes += chunk.length;
      try {
        if (bytes > maxBytes) {
          throw tooLarge(maxBytes);
        }
        hold?.(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        leave();
        request.pause();
        reject(error);
      }
    };
    const end = () => {
      leave();
      const [first] = chunks;
      resolve(first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks, bytes));
    };
    const fail = (error?: Error) => {
      leave();
      reject(request.complete && error !== undefined && !isReset(error) ? error : brokenOff(error));
    };
    const leave = () => {
      request.off('data', take).off('end', end).off('error', fail).off('close', fail);
    };
    request.on('data', take).on('end', end).on('error', fail).on('close', fail);
  });
}

function isReset(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNRESET';
}

function brokenOff(cause: unknown): ClusterRunnerError {
  return new ClusterRunnerError('INVALID_REQUEST', 'The connection broke before the body was complete.', {
    cause,
  });
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
  const { socket } = request;
  const over = () => {
    clearTimeout(cutOff);
    socket.off('close', over);
  };
  request.once('close', over).once('end', over);
  // A request that was answered is not told when its connection closes.
  socket.once('close', over);
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
