import { type Dir, opendirSync, readdirSync, statSync } from 'node:fs';

/** Of one folder, and so the most names that are held of it. */
const SORTED_AT_ONCE = 10_000;
const READ_AT_ONCE = 1024;
/**
 * File systems give a folder a size that grows with its names; one of this size has fewer than are held at once. Reading
 * them in one call takes a third of the time, and most atoms leave next to nothing.
 */
const SMALL_FOLDER_BYTES = 16 * 1024;
/** Gives each byte of a name as it is. */
const BYTES = 'latin1';

/**
 * The names in a folder, one after another and sorted, so that the same files make the same archive. Each is given as its
 * bytes, in latin1: not every name is UTF-8. Of a folder with more than 10,000 names each 10,000 are sorted by themselves,
 * as the system gives them: memory holds no more, however many there are.
 */
export class FolderNames {
  /** null once the last of the names was read. */
  #directory: Dir | null = null;
  /** Last first, so that popping gives them in order. */
  #names: string[] = [];

  readonly #sortedAtOnce: number;

  /** @throws the file system's error when the folder cannot be read; nothing is open then */
  constructor(path: string, sortedAtOnce = SORTED_AT_ONCE) {
    this.#sortedAtOnce = sortedAtOnce;
    const few = statSync(path).size <= SMALL_FOLDER_BYTES ? readdirSync(path, BYTES) : null;
    if (few !== null && few.length <= sortedAtOnce) {
      this.#names = few.sort().reverse();
      return;
    }
    this.#directory = opendirSync(path, { bufferSize: READ_AT_ONCE, encoding: BYTES });
    try {
      this.#readMore(this.#directory);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** null after the last. @throws the file system's error */
  next(): string | null {
    if (this.#names.length === 0 && this.#directory !== null) {
      this.#readMore(this.#directory);
    }
    return this.#names.pop() ?? null;
  }

  close(): void {
    this.#directory?.closeSync();
    this.#directory = null;
  }

  #readMore(directory: Dir): void {
    const names: string[] = [];
    while (names.length < this.#sortedAtOnce) {
      const entry = directory.readSync();
      if (entry === null) {
        this.close();
        break;
      }
      names.push(entry.name);
    }
    this.#names = names.sort().reverse();
  }
}
