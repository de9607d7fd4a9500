/*
 * Which paths may be in one archive, so that unpacking it yields all of its entries. A slave leaves out the others and lists
 * them; a master refuses them.
 */

/** Limits of file systems: ext4, XFS, btrfs, tmpfs and APFS allow names of 255 bytes or more, Linux paths of 4095. */
const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 4095;

/** Why no file can have this path; null when one can. */
export function pathProblem(path: string): string | null {
  if (path.length * 3 > MAX_NAME_BYTES) {
    if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
      return 'its path is too long';
    }
    if (
      path
        .split('/')
        .some((name) => name.length * 3 > MAX_NAME_BYTES && Buffer.byteLength(name) > MAX_NAME_BYTES)
    ) {
      return 'a name in its path is too long';
    }
  }
  return null;
}

/**
 * The paths of an archive's entries, in order. Keeps a fingerprint of each path in the folder of the current atom, the first
 * part of the path, so the entries of each folder must be consecutive.
 */
export class EntryPaths {
  readonly #atoms = new Set<string>();
  #atom = '';
  readonly #folders = new Set<number>();
  readonly #others = new Set<number>();
  /** The parent of the previous path, which is known to be a folder. */
  #parent = '';

  /** Adds an entry and returns null, or returns why it conflicts with earlier ones and does not add it. */
  add(entry: string, isFolder: boolean): string | null {
    const path = entry.endsWith('/') ? entry.slice(0, -1) : entry;
    const end = path.indexOf('/');
    const atom = end === -1 ? path : path.slice(0, end);
    if (atom !== this.#atom) {
      if (this.#atoms.has(atom)) {
        return 'the folder of its atom has already ended';
      }
      this.#begin(atom);
    }
    const key = fingerprint(path);
    const isTaken = this.#others.has(key) || (!isFolder && this.#folders.has(key));
    if (isTaken) {
      return 'another entry has the same path';
    }
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    if (parent !== this.#parent && !this.#areFolders(parent)) {
      return 'it is in something that is no folder';
    }
    this.#parent = parent;
    (isFolder ? this.#folders : this.#others).add(key);
    return null;
  }

  #begin(atom: string): void {
    this.#atom = atom;
    this.#atoms.add(atom);
    this.#folders.clear();
    this.#others.clear();
    this.#parent = '';
  }

  /** Marks the path and its parents as folders, since an archive need not list each folder. False when one is no folder. */
  #areFolders(path: string): boolean {
    const keys: number[] = [];
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const key = fingerprint(path.slice(0, end));
      if (this.#others.has(key)) {
        return false;
      }
      keys.push(key);
    }
    for (const key of keys) {
      this.#folders.add(key);
    }
    return true;
  }
}

/**
 * A hash of 53 bits. In a collision, one pair of paths in some ten thousand billions, the slave leaves the second path out.
 * The master computes the same, so a slave never sends what the master refuses.
 */
function fingerprint(path: string): number {
  let low = 0x811c9dc5;
  let high = 0x2f0b4f2d;
  for (let at = 0; at < path.length; at += 1) {
    const unit = path.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x5bd1e995) ^ (high >>> 15);
  }
  return ((high ^ (low >>> 7)) >>> 11) * 2 ** 32 + ((low ^ Math.imul(high, 0x85ebca6b)) >>> 0);
}
