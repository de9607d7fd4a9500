import { posix } from 'node:path';
import type { CaseSink } from '../../junit/report-reader.js';
import type { BatchMatch } from '../../protocol/build/job.js';

/** Longer than any path; a longer text of a report names no atom. */
const MAX_CHARS = 8192;

type OpenCase = Parameters<CaseSink['open']>;

/**
 * Finds the atoms of a batch that a test case of a report names. A text names an atom if both are the same path, relative to
 * the project. A class name also names an atom if it is, or begins with, the path without its ending, with dots for slashes.
 */
export class AtomMatcher {
  readonly #match: BatchMatch;
  readonly #roots: readonly string[];
  /** The indexes of the atoms of each path: two atoms may be the same one. */
  readonly #paths = new Map<string, number[]>();
  readonly #dotted = new Map<string, number[]>();
  /** The lengths of its keys, which are few. */
  readonly #dottedLengths = new Set<number>();

  /** `values` of the atoms; `roots`: absolute paths of the project's folder. */
  constructor(match: BatchMatch, values: readonly string[], roots: readonly string[]) {
    this.#match = match;
    this.#roots = roots;
    values.forEach((value, index) => {
      const path = this.#relative(value);
      append(this.#paths, path, index);
      const dotted = withDots(path);
      append(this.#dotted, dotted, index);
      this.#dottedLengths.add(dotted.length);
    });
  }

  /** Indexes of the atoms: none if it names no atom of the batch, several if it may belong to any of them. */
  owners(attributes: OpenCase[1], suites: OpenCase[2]): readonly number[] {
    switch (this.#match) {
      case 'file':
        return this.#withPath(attributes.file ?? suites.file ?? '');
      case 'classname':
        // pytest reports a file that it cannot import with an empty class name.
        return this.#withClassName(attributes.classname || (attributes.name ?? ''));
      case 'suite':
        return [...new Set(suites.names.flatMap((name) => this.#withPath(name)))];
    }
  }

  #withPath(text: string): readonly number[] {
    return text === '' || text.length > MAX_CHARS ? [] : (this.#paths.get(this.#relative(text)) ?? []);
  }

  #withClassName(text: string): readonly number[] {
    const same = this.#withPath(text);
    return same.length > 0 || text.length > MAX_CHARS
      ? same
      : [...this.#dottedLengths].flatMap((length) =>
          endsWord(text, length) ? (this.#dotted.get(text.slice(0, length)) ?? []) : [],
        );
  }

  #relative(text: string): string {
    const root = this.#roots.find((one) => text.startsWith(`${one}/`));
    return posix.normalize(root === undefined ? text : text.slice(root.length + 1));
  }
}

function append(map: Map<string, number[]>, key: string, index: number): void {
  map.set(key, [...(map.get(key) ?? []), index]);
}

function withDots(path: string): string {
  const { dir, name } = posix.parse(path);
  return posix.join(dir, name).replaceAll('/', '.');
}

/** Whether a part of a dotted name ends there: `a` and `a.b` of `a.b.c`. */
function endsWord(text: string, length: number): boolean {
  return length === text.length || text[length] === '.';
}
