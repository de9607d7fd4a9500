import type { AtomRun, RunKind } from '../../src/domain/history/atom-runs.js';

const kinds: Readonly<Record<string, RunKind>> = { P: 'PASSED', F: 'FAILED', R: 'FLAKY', L: 'LOST' };

/** Runs in builds 1, 2, …: `P` passed, `F` failed, `R` passed when it was run again, `L` lost; separated by blanks. */
export function runsOfLetters(letters: string): AtomRun[] {
  return letters.split(' ').map((letter, at) => ({
    build: at + 1,
    atom: 0,
    kind: kinds[letter] ?? 'LOST',
    seconds: at + 1,
    minute: at,
  }));
}
