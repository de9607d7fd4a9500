import { passedWithoutAtoms } from '../../lib/without-atoms.js';
import type { AtomRunInBuild, JobBuild } from '../../protocol/build/history.js';

/* One character for each run or build, which differs in its shape, so that it needs no color. */

const LEVELS = '▁▂▃▄▅▆▇█';

export const RUN_LEGEND = '. passed, ~ passed when it was run again, F failed, L lost';
export const BUILD_LEGEND = '. passed, - had no atoms, F failed, E could not run, C canceled';

/** The newest runs of an atom, oldest first. */
export function runMarks(runs: readonly Pick<AtomRunInBuild, 'outcome' | 'flaky'>[], most: number): string {
  return runs
    .slice(-most)
    .map(({ outcome, flaky }) => (flaky ? '~' : { PASSED: '.', FAILED: 'F', LOST: 'L' }[outcome]))
    .join('');
}

export function buildMarks(builds: readonly Pick<JobBuild, 'state' | 'result' | 'num_atoms'>[]): string {
  return builds
    .map((build) => {
      const { state, result } = build;
      if (passedWithoutAtoms(build)) {
        return '-';
      }
      const ended = { FINISHED: 'F', CANCELED: 'C', ERROR: 'E' }[state];
      return result === 'SUCCESS' ? '.' : ended;
    })
    .join('');
}

/** A bar for each value, from 0 to the highest one; a blank for an unknown one. */
export function barsOf(values: readonly (number | null)[]): string {
  const highest = Math.max(0, ...values.map((value) => value ?? 0));
  return values
    .map((value) => {
      if (value === null) {
        return ' ';
      }
      const level = highest === 0 ? 0 : Math.ceil((value / highest) * LEVELS.length) - 1;
      return LEVELS.charAt(Math.max(0, level));
    })
    .join('');
}
