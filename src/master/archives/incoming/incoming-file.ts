import { closeSync, fsync, openSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { GrowingBuffer } from '../../../lib/text/growing-buffer.js';

const flush = promisify(fsync);

/** Written at once: most results are smaller, and each write is a trip through the thread pool. */
const WRITE_BYTES = 256 * 1024;

/**
 * A new file that is written as its bytes come. What is small is made, written and closed at once: that goes to the memory
 * of the system, and takes a fraction of a trip through the thread pool.
 */
export class IncomingFile {
  readonly #path: string;
  readonly #requireRoom: (bytes: number) => void;
  #file: FileHandle | null = null;
  readonly #held = new GrowingBuffer(2 * WRITE_BYTES);

  /** @param requireRoom throws when so many bytes more should not be written */
  constructor(path: string, requireRoom: (bytes: number) => void) {
    this.#path = path;
    this.#requireRoom = requireRoom;
  }

  /** @throws what the disk says, and `requireRoom`, as `end` does */
  async write(chunk: Buffer): Promise<void> {
    this.#held.add(chunk);
    if (this.#held.length >= WRITE_BYTES) {
      this.#requireRoom(this.#held.length);
      this.#file ??= await open(this.#path, 'wx', 0o600);
      await this.#file.appendFile(this.#held.view());
      this.#held.clear();
    }
  }

  /** Nothing follows. Resolves when all of it is on the disk. */
  async end(): Promise<void> {
    this.#requireRoom(this.#held.length);
    if (this.#file === null) {
      await writeSmall(this.#path, this.#held.view());
    } else {
      await this.#file.appendFile(this.#held.view());
      await this.#file.sync();
    }
  }

  /** To be called in the end, however it came. */
  async close(): Promise<void> {
    await this.#file?.close();
  }
}

async function writeSmall(path: string, bytes: Buffer): Promise<void> {
  const file = openSync(path, 'wx', 0o600);
  try {
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(file, bytes, written);
    }
    await flush(file);
  } finally {
    closeSync(file);
  }
}
