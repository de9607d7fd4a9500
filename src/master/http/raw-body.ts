import type { IncomingMessage } from 'node:http';
import { ClusterRunnerError } from '../../protocol/errors.js';

/** What is read and thrown away of a refused body, so that its sender gets to read the refusal. */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;

/**
 * The body in the chunks in which it arrives. Leaving the loop does not end the connection, on which the
 * answer still has to go out. @throws ClusterRunnerError INVALID_REQUEST when the client breaks off.
 */
export async function* chunksOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      yield chunk;
    }
  } catch (error) {
    if (request.complete) {
      throw error;
    }
    throw new ClusterRunnerError('INVALID_REQUEST', 'The connection broke before the body was complete.', {
      cause: error,
    });
  }
}

/** Every byte as it came. @throws ClusterRunnerError BODY_TOO_LARGE as soon as that is known */
export async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
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
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads on after an early answer, within bounds; a client that goes on sending is cut off. */
export function discardRest(request: IncomingMessage): void {
  if (request.complete || request.destroyed) {
    return;
  }
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
