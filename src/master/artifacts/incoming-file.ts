import { closeSync, fsync, openSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';

const flush = promisify(fsync);

/** Written at once: most results are smaller, and each write is a trip through the thread pool. */
const WRITE_BYTES = 256 * 1024;

/**
 * A new file that is written as its bytes come. What is small is made, written and closed at once: that goes to the memory
 * of the system, and takes a fraction of a trip through the thread pool.
 */
export class IncomingFile {
  readonly #path: string;
  #file: FileHandle | null = null;
  #held: Buffer[] = [];
  #heldBytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws what the disk says, as `end` does */
  async write(chunk: Buffer): Promise<void> {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes >= WRITE_BYTES) {
      this.#file ??= await open(this.#path, 'wx', 0o600);
      await this.#file.appendFile(this.#taken());
    }
  }

  /** Nothing follows. Resolves when all of it is on the disk. */
  async end(): Promise<void> {
    if (this.#file === null) {
      await writeSmall(this.#path, this.#taken());
    } else {
      await this.#file.appendFile(this.#taken());
      await this.#file.sync();
    }
  }

  /** To be called in the end, however it came. */
  async close(): Promise<void> {
    await this.#file?.close();
  }

  #taken(): Buffer {
    const [first] = this.#held;
    const bytes =
      first !== undefined && this.#held.length === 1 ? first : Buffer.concat(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    return bytes;
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
