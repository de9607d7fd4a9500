import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { atomName } from '../../../job/atom-name.js';
import { cleanLine } from '../../../lib/text/strip-control-chars.js';
import type { CachedFrom } from '../../../protocol/build/cached-atom.js';
import type { Atom } from '../../../protocol/build/work.js';

/** The file in the folder of the results that lists the cached atoms, which have no folders. */
export const CACHED_ATOMS = 'cached_atoms.txt';

/** Names the run of a cached atom. */
export function runOfCached({ build_id, atom_id }: CachedFrom): string {
  return `build ${build_id}, atom ${atom_id}`;
}

/** Writes a line for each cached atom, with the run that it was taken from. Without cached atoms there is no file. */
export class CachedAtomsFile {
  readonly #path: string;
  readonly #variables: readonly string[];
  #file: number | null = null;

  /** @param variables those that the atoms of the build set */
  constructor(directory: string, variables: readonly string[]) {
    this.#path = join(directory, CACHED_ATOMS);
    this.#variables = variables;
  }

  add(atoms: readonly Atom[]): void {
    const lines = atoms.flatMap(({ command_string: text, cached_from: from }) =>
      from === null ? [] : [`${runOfCached(from)}: ${cleanLine(atomName(text, this.#variables))}\n`],
    );
    if (lines.length > 0) {
      this.#file ??= openSync(this.#path, 'w', 0o644);
      writeSync(this.#file, lines.join(''));
    }
  }

  close(): void {
    if (this.#file !== null) {
      closeSync(this.#file);
    }
  }
}
