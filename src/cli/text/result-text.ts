import { passedWithoutAtoms } from '../../lib/without-atoms.js';
import type { Build } from '../../protocol/build/build.js';

/** The result of a build for a table; null while it runs. A success that has tested nothing says so. */
export function resultText(build: Pick<Build, 'result' | 'num_atoms'>): string | null {
  return passedWithoutAtoms(build) ? `${build.result} (no atoms)` : build.result;
}
