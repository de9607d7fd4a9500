import { RUNS_KEPT } from '../../protocol/build/history.js';
import { type AtomRun, isPass } from './atom-runs.js';

/** Tells which code a build ran: the same text, the same code. null when that is not known. */
export type CodeOf = (build: number) => string | null;

/** The nearest-rank quantile: the smallest value that at least this part of all is not above. null for none. */
export function quantile(values: readonly number[], part: number): number | null {
  // A typed array is sorted by value, and faster than with a comparison.
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? null;
}

/** The durations that say how slow an atom is: those of the runs that passed, or of all if none has. In seconds. */
export function typicalSeconds(runs: readonly AtomRun[]): number[] {
  const hasPassed = runs.some(isPass);
  const typical: number[] = [];
  for (const run of runs) {
    if (run.seconds !== null && (!hasPassed || isPass(run))) {
      typical.push(run.seconds);
    }
  }
  return typical;
}

/**
 * The part of the runs, from 0 to 1, in which the atom failed although its code was good. A run counts as such when the atom
 * passed as it was run again in the same build, or passed in another build of the same code. An atom that always fails
 * is not flaky, and one that fails with one commit and passes with another is not either. Lost atoms do not count.
 */
export function flakinessOf(runs: readonly AtomRun[], codeOf: CodeOf): number {
  if (runs.every(({ kind }) => kind === 'PASSED')) {
    return 0;
  }
  const counted = runs.filter(({ kind }) => kind !== 'LOST');
  const trouble = counted.filter(({ kind }) => kind !== 'PASSED');
  const good = new Set(counted.filter(isPass).flatMap(({ build }) => codeOf(build) ?? []));
  const flaky = trouble.filter(({ kind, build }) => kind === 'FLAKY' || good.has(codeOf(build) ?? ''));
  return flaky.length === 0 ? 0 : flaky.length / counted.length;
}

/** A build, and the minute of its end. */
export interface BuildMoment {
  readonly build: number;
  readonly minute: number;
}

/**
 * The first of the failed runs since the atom passed last; null when its newest run has passed, or it has none. Lost atoms
 * do not count. `earlier` is what this said before the newest runs: it may know of runs that are not kept any more.
 */
export function failingSince(runs: readonly AtomRun[], earlier: BuildMoment | null): BuildMoment | null {
  const newest = runs.at(-1);
  if (newest !== undefined && isPass(newest)) {
    return null;
  }
  const counted = runs.filter(({ kind }) => kind !== 'LOST');
  const lastPass = counted.findLastIndex(isPass);
  const first = counted[lastPass + 1];
  if (first === undefined) {
    // Only lost runs may be left.
    return counted.length === 0 ? earlier : null;
  }
  const mayBeOlder = lastPass === -1 && runs.length === RUNS_KEPT;
  return mayBeOlder && earlier !== null ? earlier : { build: first.build, minute: first.minute };
}
