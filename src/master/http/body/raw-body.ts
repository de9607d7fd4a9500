import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { hasCode } from '../../../lib/error-code.js';
import { GrowingBuffer } from '../../../lib/text/growing-buffer.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';

/** Bytes of a refused body that are read and dropped, so that its sender gets to read the refusal. */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;
/** How long they are read. */
const DISCARD_MS = 10_000;

type IncomingBytes = Readable & Pick<IncomingMessage, 'complete' | 'headers'>;

/** Streaming gains nothing for a body up to this size. */
const SMALL_BYTES = 256 * 1024;

/**
 * The body in chunks as they arrive; a small one in one. Leaving the loop does not close the connection, which the
 * response still needs. @throws ClusterRunnerError INVALID_REQUEST when the client breaks off
 */
export async function* chunksOf(request: IncomingBytes): AsyncGenerator<Buffer> {
  if (Number(request.headers['content-length'] ?? Infinity) <= SMALL_BYTES) {
    yield await readAll(request, SMALL_BYTES, null);
    return;
  }
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      yield chunk;
    }
  } catch (error) {
    // The client may have sent everything, and hung up before it was read.
    if (request.complete && !isReset(error)) {
      throw error;
    }
    throw brokenOff(error);
  }
}

/** Calls `read` with a signal that is aborted, with TOO_SLOW, after `seconds`. */
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

/** Limits for a sender that is not authenticated yet. */
export interface Restraint {
  readonly late: AbortSignal;
  /** Called with all memory before it is allocated; throws when that is too much. */
  hold(bytes: number): void;
}

/** Pieces in which any body may arrive, whatever its size … */
const FEW_PIECES = 65_536;
/** … and the mean size beyond that. Handling a piece costs the same whether it has one byte or many. */
const MEAN_BYTES = 64;

/** Whether these bytes arrived in more pieces than a client would make of them. */
export function isInTooManyPieces(pieces: number, bytes: number): boolean {
  return pieces > FEW_PIECES + bytes / MEAN_BYTES;
}

/**
 * The whole body.
 * @throws ClusterRunnerError BODY_TOO_LARGE as soon as that is known; the reason of `late`; what `hold` throws
 */
export function readBytes(
  request: IncomingMessage,
  maxBytes: number,
  restraint?: Restraint,
): Promise<Buffer> {
  return readAll(request, maxBytes, restraint ?? null);
}

/** Uses the stream's events, since iterating costs more than the rest of a small request. */
function readAll(request: IncomingBytes, maxBytes: number, restraint: Restraint | null): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? Number.NaN);
  if (announced > maxBytes) {
    return Promise.reject(tooLarge(maxBytes));
  }
  if (request.destroyed && !request.readableEnded) {
    return Promise.reject(brokenOff(request.errored));
  }
  return new Promise((resolve, reject) => {
    const held = new GrowingBuffer(Number.isNaN(announced) ? maxBytes : announced, restraint?.hold);
    if (restraint !== null) {
      // A connection that announces a body and sends none costs memory too.
      held.reserve(1);
    }
    let whole: Buffer | null = null;
    let pieces = 0;
    const refuse = (error: unknown) => {
      leave();
      request.pause();
      reject(error);
    };
    const take = (chunk: Buffer) => {
      try {
        pieces += 1;
        if (held.length + chunk.length > maxBytes) {
          throw tooLarge(maxBytes);
        }
        if (restraint !== null && isInTooManyPieces(pieces, held.length + chunk.length)) {
          throw tooManyPieces();
        }
        if (chunk.length === announced && held.length === 0) {
          // Most bodies arrive in one piece, which is not copied.
          restraint?.hold(chunk.length);
          whole = chunk;
        } else {
          held.add(chunk);
        }
      } catch (error) {
        refuse(error);
      }
    };
    const end = () => {
      leave();
      resolve(whole ?? held.view());
    };
    const fail = (error?: Error) => {
      leave();
      reject(request.complete && error !== undefined && !isReset(error) ? error : brokenOff(error));
    };
    const tooLate = () => refuse(restraint?.late.reason);
    const leave = () => {
      request.off('data', take).off('end', end).off('error', fail).off('close', fail);
      restraint?.late.removeEventListener('abort', tooLate);
    };
    request.on('data', take).on('end', end).on('error', fail).on('close', fail);
    restraint?.late.addEventListener('abort', tooLate, { once: true });
  });
}

function tooManyPieces(): ClusterRunnerError {
  return new ClusterRunnerError(
    'BODY_TOO_LARGE',
    'The body arrives in too many small pieces; collect it before you send it, or sign all parts of the request.',
  );
}

function isReset(error: unknown): boolean {
  return hasCode(error, 'ECONNRESET');
}

function brokenOff(cause: unknown): ClusterRunnerError {
  return new ClusterRunnerError('INVALID_REQUEST', 'The connection broke before the body was complete.', {
    cause,
  });
}

const discarded = new WeakSet<IncomingMessage>();

/**
 * Reads and drops what is left of a body, within bounds, after an early response or for a route without a body. A client
 * that goes on sending is cut off. A second call does nothing.
 */
export function discardRest(request: IncomingMessage): void {
  if (request.complete || request.destroyed || discarded.has(request)) {
    return;
  }
  discarded.add(request);
  const cutOff = setTimeout(() => request.destroy(), DISCARD_MS);
  const { socket } = request;
  const over = () => {
    clearTimeout(cutOff);
    socket.off('close', over);
  };
  request.once('close', over).once('end', over);
  // A request whose response is sent gets no event when its connection closes.
  socket.once('close', over);
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_DISCARDED_BYTES) {
      request.destroy();
    }
  });
  // The client may hang up meanwhile.
  request.on('error', () => request.destroy());
  request.resume();
}

export function tooLarge(maxBytes: number): ClusterRunnerError {
  return new ClusterRunnerError(
    'BODY_TOO_LARGE',
    `The body of the request is larger than the ${maxBytes} bytes that are taken here.`,
  );
}
