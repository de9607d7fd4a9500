import { closeSync, mkdirSync, openSync, symlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ReadEntry } from 'tar';
import { errorCode, ifPresent } from '../../../lib/error-code.js';
import { messageOf } from '../../../protocol/errors.js';

/** Added permissions of folders, so that files can be written into them, and removed … */
const OWN = 0o700;
/** … and of files, so that they can be read. */
const READ = 0o400;
const PERMISSIONS = 0o777;
/** The longest path, without the terminating zero. */
const MAX_PATH_BYTES = process.platform === 'darwin' ? 1023 : 4095;
/** Beyond this number, entries are counted but not named. */
const MOST_NAMED = 5;
const MOST_NAME_CHARS = 200;

/** Errors that concern one path and not the file system as a whole. */
const ofThePath: ReadonlySet<unknown> = new Set([
  'ENAMETOOLONG',
  'EEXIST',
  'EISDIR',
  'ENOTDIR',
  'EILSEQ',
  'EINVAL',
  'ELOOP',
  'ENOENT',
]);

/**
 * A new folder into which entries of a tar are written. Nobody else writes there, and links are created last, so no entry
 * can be written through a link, whatever the archive holds. Names must lead into the folder. Entries that this file
 * system does not accept are left out, such as a path that is too long, or a name that collides with another.
 */
export class ResultFolder {
  readonly #directory: string;
  readonly #prefixBytes: number;
  /** Targets by path. */
  readonly #links = new Map<string, string>();
  /** The file that is written. */
  #open: number | null = null;
  #numLeftOut = 0;
  readonly #leftOut: string[] = [];

  /** `target`: where the folder is moved at the end. */
  constructor(directory: string, target: string) {
    this.#directory = directory;
    this.#prefixBytes = Math.max(Buffer.byteLength(directory), Buffer.byteLength(target)) + 1;
  }

  /** Writes an entry as its content arrives; for files, folders and symbolic links. @throws the file system's error */
  take(entry: ReadEntry): void {
    const path = join(this.#directory, entry.path);
    const mode = (entry.mode ?? PERMISSIONS) & PERMISSIONS;
    if (entry.type === 'SymbolicLink') {
      this.#links.set(path, entry.linkpath ?? '');
      entry.resume();
      return;
    }
    const file = this.#attempt(path, () => {
      if (entry.type === 'Directory') {
        mkdirSync(path, { recursive: true, mode: mode | OWN });
        return null;
      }
      return withParents(path, () => openSync(path, 'wx', mode | READ));
    });
    if (file === null) {
      entry.resume();
      return;
    }
    this.#open = file;
    entry.on('data', (bytes) => {
      for (let written = 0; written < bytes.length; ) {
        written += writeSync(file, bytes, written);
      }
    });
    entry.on('end', () => this.close());
  }

  /** Creates the links. @throws the file system's error */
  finish(): void {
    for (const [path, target] of this.#links) {
      if (this.#isBelowLink(path)) {
        this.#leaveOut(path, 'it is below a link');
      } else {
        this.#attempt(path, () => withParents(path, () => symlinkSync(target, path)));
      }
    }
  }

  /** A message that names what was left out; null when nothing was. */
  get leftOut(): string | null {
    if (this.#numLeftOut === 0) {
      return null;
    }
    const more = this.#numLeftOut - this.#leftOut.length;
    const named = [...this.#leftOut, ...(more === 0 ? [] : [`${more} more`])].join('; ');
    const what = this.#numLeftOut === 1 ? 'One entry' : `${this.#numLeftOut} entries`;
    return `${what} of the results could not be made here and ${this.#numLeftOut === 1 ? 'is' : 'are'} left out: ${named}.`;
  }

  /** To be called also when an entry was broken off. */
  close(): void {
    if (this.#open !== null) {
      closeSync(this.#open);
      this.#open = null;
    }
  }

  /** null when the file system does not accept this path. */
  #attempt<T>(path: string, make: () => T): T | null {
    if (
      Buffer.byteLength(path) - Buffer.byteLength(this.#directory) - 1 + this.#prefixBytes >
      MAX_PATH_BYTES
    ) {
      this.#leaveOut(path, 'its path is too long here');
      return null;
    }
    try {
      return make();
    } catch (error) {
      if (!ofThePath.has(errorCode(error))) {
        throw error;
      }
      this.#leaveOut(path, reasonOf(errorCode(error)));
      return null;
    }
  }

  #leaveOut(path: string, reason: string): void {
    this.#numLeftOut += 1;
    if (this.#leftOut.length < MOST_NAMED) {
      const name = path.slice(this.#directory.length + 1);
      const shown = name.length > MOST_NAME_CHARS ? `${name.slice(0, MOST_NAME_CHARS)}…` : name;
      this.#leftOut.push(`${JSON.stringify(shown)} (${reason})`);
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

function reasonOf(code: unknown): string {
  switch (code) {
    case 'ENAMETOOLONG':
      return 'its path is too long here';
    case 'EEXIST':
    case 'EISDIR':
      return 'something else has its name here';
    case 'ENOTDIR':
      return 'a file is in the place of a folder above it';
    default:
      return messageOf(code);
  }
}

/** Creates missing parents first, since an archive need not name the folders of its files. */
function withParents<T>(path: string, make: () => T): T {
  const made = ifPresent(make);
  if (made !== null) {
    return made;
  }
  mkdirSync(dirname(path), { recursive: true });
  return make();
}
