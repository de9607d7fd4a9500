import { type Dir, opendirSync, readdirSync, statSync } from 'node:fs';

/** How many names of one folder are in memory at most. */
const SORTED_AT_ONCE = 10_000;
const READ_AT_ONCE = 1024;
/**
 * The size of a folder grows with its names; a folder of this size has fewer than SORTED_AT_ONCE. Reading them in one call
 * takes a third of the time, and most atoms leave few files.
 */
const SMALL_FOLDER_BYTES = 16 * 1024;
/** Keeps each byte of a name. */
const BYTES = 'latin1';

/**
 * Iterates over the names in a folder in sorted order, so that the same files make the same archive. A name is a latin1 string
 * of its bytes, since not every name is UTF-8. To limit memory, more than 10,000 names are sorted in runs of 10,000.
 */
export class FolderNames {
  /** null once all names have been read. */
  #directory: Dir | null = null;
  /** In reverse order, for pop(). */
  #names: string[] = [];

  readonly #sortedAtOnce: number;

  /** @throws Error of the file system when the folder cannot be read; nothing is open then */
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

  /** null after the last name. @throws Error of the file system */
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
