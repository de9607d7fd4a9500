import { pathPattern } from '../path-pattern.js';
import type { InputPattern } from './input-pattern.js';

/** A file, link or submodule of a commit. */
export interface InputFile {
  /** Relative to the root of the repository. */
  readonly path: string;
  /** As git has it: 100644, 100755, 120000 (link), 160000 (submodule). */
  readonly mode: string;
  /** The hash of its content, or the commit of a submodule. */
  readonly hash: string;
}

export const LINK_MODE = '120000';
const SUBMODULE_MODE = '160000';

/** The files of a commit, found by path or pattern. */
export class FileIndex {
  readonly #byPath: ReadonlyMap<string, InputFile>;
  /** Sorted by code units. */
  readonly #paths: readonly string[];
  readonly #submodules: readonly InputFile[];

  constructor(files: readonly InputFile[]) {
    this.#byPath = new Map(files.map((file) => [file.path, file]));
    this.#paths = [...this.#byPath.keys()].sort();
    this.#submodules = files.filter(({ mode }) => mode === SUBMODULE_MODE);
  }

  /** A submodule is included as a whole when the pattern may name a file in it. */
  matching(pattern: InputPattern): InputFile[] {
    return pattern.kind === 'path' ? this.at(pattern.path) : this.#matchingGlob(pattern.glob, pattern.prefix);
  }

  /** The file, or all files of the folder; empty when the commit has neither. The empty path is the root. */
  at(path: string): InputFile[] {
    const file = this.#byPath.get(path);
    if (file !== undefined) {
      return [file];
    }
    const below = this.#beginningWith(path === '' ? '' : `${path}/`);
    return below.length > 0 ? below : this.#submodules.filter((one) => path.startsWith(`${one.path}/`));
  }

  #matchingGlob(glob: string, prefix: string): InputFile[] {
    const matcher = pathPattern(glob);
    const files = this.#beginningWith(prefix).filter(({ path }) => matcher.match(path));
    const submodules = this.#submodules.filter(({ path }) => matcher.match(path, true));
    return [...new Set([...files, ...submodules])];
  }

  #beginningWith(prefix: string): InputFile[] {
    const files: InputFile[] = [];
    for (let at = this.#firstFrom(prefix); this.#paths[at]?.startsWith(prefix); at += 1) {
      const file = this.#byPath.get(this.#paths[at] ?? '');
      files.push(...(file === undefined ? [] : [file]));
    }
    return files;
  }

  /** Index of the first path that is not before `prefix`. */
  #firstFrom(prefix: string): number {
    let [low, high] = [0, this.#paths.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#paths[middle] ?? '') < prefix) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
