import { closeSync, mkdirSync, openSync, symlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ReadEntry } from 'tar';

/** Whoever unpacks must be able to put files into a folder, and to remove it again. */
const OWN = 0o700;
const PERMISSIONS = 0o777;

/**
 * A new folder that entries of a tar are written into. Nobody else writes there, and links are made when all else is
 * written: so no entry can be written through a link, whatever the archive holds. Names must lead into the folder.
 */
export class ResultFolder {
  readonly #directory: string;
  /** Targets by path. */
  readonly #links = new Map<string, string>();
  /** The file that is written. */
  #open: number | null = null;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Takes the whole content of an entry as it comes; for files, folders and symbolic links. @throws the file system's error */
  take(entry: ReadEntry): void {
    const path = join(this.#directory, entry.path);
    const mode = (entry.mode ?? PERMISSIONS) & PERMISSIONS;
    if (entry.type === 'SymbolicLink') {
      this.#links.set(path, entry.linkpath ?? '');
      entry.resume();
      return;
    }
    if (entry.type === 'Directory') {
      mkdirSync(path, { recursive: true, mode: mode | OWN });
      entry.resume();
      return;
    }
    const file = withParents(path, () => openSync(path, 'w', mode));
    this.#open = file;
    entry.on('data', (bytes) => {
      for (let written = 0; written < bytes.length; ) {
        written += writeSync(file, bytes, written);
      }
    });
    entry.on('end', () => this.close());
  }

  /**
   * Makes the links. Answers how many were left out, because another link lies on their way or something else has their
   * name. @throws the file system's error
   */
  finish(): number {
    const made = [...this.#links].filter(
      ([path, target]) => !this.#isBelowLink(path) && wasFree(() => symlinkSync(target, path), path),
    );
    return this.#links.size - made.length;
  }

  /** To be called also when an entry was broken off. */
  close(): void {
    if (this.#open !== null) {
      closeSync(this.#open);
      this.#open = null;
    }
  }

  #isBelowLink(path: string): boolean {
    for (let above = dirname(path); above.length > this.#directory.length; above = dirname(above)) {
      if (this.#links.has(above)) {
        return true;
      }
    }
    return false;
  }
}

function wasFree(make: () => void, path: string): boolean {
  try {
    withParents(path, make);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      return false;
    }
    throw error;
  }
}

/** An archive need not name the folders of its files. */
function withParents<T>(path: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
      throw error;
    }
    mkdirSync(dirname(path), { recursive: true });
    return make();
  }
}
