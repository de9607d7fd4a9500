import { closeSync, constants, openSync, read, readSync, unlinkSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';

const readPromise = promisify(read);

/** How much memory the consoles of a subjob use at most together. */
const MEMORY_BYTES = 2 * 1024 * 1024;

/**
 * Keeps the consoles of one subjob: small ones in memory, since creating a file costs more. Others are kept one after another
 * in an unlinked file, which no command of a build can reach.
 */
export class ConsoleStore {
  readonly #path: string;
  #fd: number | null = null;
  #memory = MEMORY_BYTES;
  #end = 0;

  /** `path` must not exist; the file is created when it is needed, and unlinked at once. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Whether so many bytes may be kept in memory; if so they count until they are released. */
  reserveMemory(bytes: number): boolean {
    if (bytes > this.#memory) {
      return false;
    }
    this.#memory -= bytes;
    return true;
  }

  releaseMemory(bytes: number): void {
    this.#memory += bytes;
  }

  /** Where the next console begins in the file. */
  get end(): number {
    return this.#end;
  }

  /** @throws Error of the file system, when the disk is full for instance */
  write(bytes: Uint8Array, position: number): void {
    const fd = this.#open();
    for (let at = 0; at < bytes.length; ) {
      at += writeSync(fd, bytes, at, bytes.length - at, position + at);
    }
    this.#end = Math.max(this.#end, position + bytes.length);
  }

  /** Returns fewer bytes where the file ends. */
  read(position: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(this.#open(), bytes, 0, length, position));
  }

  async readAsync(position: number, length: number): Promise<Buffer> {
    const { bytesRead, buffer } = await readPromise(this.#open(), Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  }

  close(): void {
    if (this.#fd !== null) {
      closeSync(this.#fd);
      this.#fd = null;
    }
  }

  #open(): number {
    if (this.#fd === null) {
      const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
      this.#fd = openSync(this.#path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      unlinkSync(this.#path);
    }
    return this.#fd;
  }
}
