import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';

/** The connection with the worker. */
const CHANNEL = 3;

/** Blocks until the worker sends a line. So nothing runs in this process meanwhile. null: there is no worker any more. */
export function readLine() {
  const pieces = [];
  for (;;) {
    const piece = Buffer.alloc(64 * 1024);
    const bytes = readSync(CHANNEL, piece);
    if (bytes === 0) {
      return null;
    }
    pieces.push(piece.subarray(0, bytes));
    if (piece[bytes - 1] === 0x0a) {
      return JSON.parse(Buffer.concat(pieces).toString('utf8'));
    }
  }
}

/** Returns false when there is no worker any more. */
export function sendLine(message) {
  try {
    writeSync(CHANNEL, `${JSON.stringify(message)}\n`);
    return true;
  } catch (error) {
    if (error.code === 'EPIPE') {
      return false;
    }
    throw error;
  }
}

export function closeChannel() {
  closeSync(CHANNEL);
}

/**
 * Makes a file that exists stdout and stderr, also for output that does not pass through JavaScript, and for child processes.
 * A stream that process.stdout has already opened writes to the same descriptor.
 */
export function attachConsole(path) {
  for (const descriptor of [1, 2]) {
    closeSync(descriptor);
    // The system gives the lowest free descriptor.
    const opened = openSync(path, constants.O_WRONLY);
    if (opened !== descriptor) {
      throw new Error(`Descriptor ${descriptor} was taken by something else while the console was opened.`);
    }
  }
}
