import { closeSync, constants, openSync, read, readSync, unlinkSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';

const readAsync = promisify(read);

/** Consoles of a subjob that stay in memory take no more than this together. */
const MEMORY_BYTES = 2 * 1024 * 1024;

/**
 * Where the consoles of one subjob are kept: small ones in memory, since making a file costs more than they do, others
 * one behind the other in a file that has no name, so that no command can reach it.
 */
export class ConsoleStore {
  readonly #path: string;
  #fd: number | null = null;
  #memory = MEMORY_BYTES;
  #end = 0;

  /** `path` must not exist; it is made when it is needed, and is there for a moment only. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Whether so many bytes may be kept in memory; they count from then on. */
  takeMemory(bytes: number): boolean {
    if (bytes > this.#memory) {
      return false;
    }
    this.#memory -= bytes;
    return true;
  }

  giveMemoryBack(bytes: number): void {
    this.#memory += bytes;
  }

  /** Where the next console begins in the file. */
  get end(): number {
    return this.#end;
  }

  /** @throws the system's error, when the disk is full for instance */
  write(bytes: Uint8Array, position: number): void {
    const fd = this.#open();
    for (let at = 0; at < bytes.length; ) {
      at += writeSync(fd, bytes, at, bytes.length - at, position + at);
    }
    this.#end = Math.max(this.#end, position + bytes.length);
  }

  /** Fewer bytes than were asked for where there are no more. */
  read(position: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(this.#open(), bytes, 0, length, position));
  }

  async readLater(position: number, length: number): Promise<Buffer> {
    const { bytesRead, buffer } = await readAsync(this.#open(), Buffer.alloc(length), 0, length, position);
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
