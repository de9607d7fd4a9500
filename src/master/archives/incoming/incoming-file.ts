import { closeSync, fsync, openSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { GrowingBuffer } from '../../../lib/text/growing-buffer.js';

const flush = promisify(fsync);

/** Written at a time: most results are smaller, and each write goes through the thread pool. */
const WRITE_BYTES = 256 * 1024;

/**
 * A new file that is written as its bytes arrive. A small one is created, written and closed synchronously: that only
 * fills the page cache, and takes a fraction of the time of the thread pool.
 */
export class IncomingFile {
  readonly #path: string;
  readonly #requireSpace: (bytes: number) => void;
  #file: FileHandle | null = null;
  readonly #held = new GrowingBuffer(2 * WRITE_BYTES);

  /** @param requireSpace throws when the disk has no space for so many more bytes */
  constructor(path: string, requireSpace: (bytes: number) => void) {
    this.#path = path;
    this.#requireSpace = requireSpace;
  }

  /** @throws the file system's error, and what `requireSpace` throws, as `end` does */
  async write(chunk: Buffer): Promise<void> {
    this.#held.add(chunk);
    if (this.#held.length >= WRITE_BYTES) {
      this.#requireSpace(this.#held.length);
      this.#file ??= await open(this.#path, 'wx', 0o600);
      await this.#file.appendFile(this.#held.view());
      this.#held.clear();
    }
  }

  /** Writes the rest. Resolves when all of the file is on the disk. */
  async end(): Promise<void> {
    this.#requireSpace(this.#held.length);
    if (this.#file === null) {
      await writeSmall(this.#path, this.#held.view());
    } else {
      await this.#file.appendFile(this.#held.view());
      await this.#file.sync();
    }
  }

  /** To be called at the end in any case. */
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
