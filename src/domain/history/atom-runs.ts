import { RUNS_KEPT } from '../../protocol/build/history.js';
import { fromCoarse, toCoarse } from './coarse-seconds.js';
import { PackedNumbers, packNumber } from './packed-numbers.js';

/**
 * The verdict of an atom in one build. FLAKY: it failed, and passed when it was run again. LOST: its slaves were lost, which says
 * nothing about the atom.
 */
const shown = ['PASSED', 'FAILED', 'FLAKY', 'LOST'] as const;
export type RunKind = (typeof shown)[number];

/** One build in which an atom ran. */
export interface AtomRun {
  readonly build: number;
  /** Its number in that build. */
  readonly atom: number;
  readonly kind: RunKind;
  /** The duration of its last run in the build; null when it is not known. */
  readonly seconds: number | null;
  /** When the build ended, in whole minutes since the epoch. */
  readonly minute: number;
}

export function isPass({ kind }: AtomRun): boolean {
  return kind === 'PASSED' || kind === 'FLAKY';
}

/** Adds a run to those of the same atom, which stay in order of build. The runs of the oldest builds go when there are too many. */
export function withRun(runs: readonly AtomRun[], run: AtomRun): AtomRun[] {
  let at = runs.length;
  while (at > 0 && (runs[at - 1]?.build ?? 0) > run.build) {
    at -= 1;
  }
  return [...runs.slice(0, at), run, ...runs.slice(at)].slice(-RUNS_KEPT);
}

/*
 * Each run is packed as four numbers: how far its build is from the one before, times the number of kinds, plus the kind; its
 * coarse seconds plus one, or 0; and how far its minute and its atom are from those of the run before.
 */

/** A difference as a number from 0: doubled, and odd when it is negative. */
function folded(difference: number): number {
  return difference < 0 ? -2 * difference - 1 : 2 * difference;
}

function unfolded(number: number): number {
  return number % 2 === 1 ? -(number + 1) / 2 : number / 2;
}

/** In order of build. Durations are kept coarsely. */
export function packRuns(runs: readonly AtomRun[]): string {
  let text = '';
  let build = 0;
  let minute = 0;
  let atom = 0;
  for (const run of runs) {
    text +=
      packNumber((run.build - build) * shown.length + shown.indexOf(run.kind)) +
      packNumber(run.seconds === null ? 0 : toCoarse(run.seconds) + 1) +
      packNumber(folded(run.minute - minute)) +
      packNumber(folded(run.atom - atom));
    build = run.build;
    minute = run.minute;
    atom = run.atom;
  }
  return text;
}

/** @throws Error for a text that `packRuns` has not written */
export function unpackRuns(text: string): AtomRun[] {
  const numbers = new PackedNumbers(text);
  const runs: AtomRun[] = [];
  let build = 0;
  let minute = 0;
  let atom = 0;
  while (numbers.hasMore) {
    const step = numbers.next();
    const coarse = numbers.next();
    build += Math.floor(step / shown.length);
    minute += unfolded(numbers.next());
    atom += unfolded(numbers.next());
    runs.push({
      build,
      atom,
      kind: shown[step % shown.length] ?? 'LOST',
      seconds: coarse === 0 ? null : fromCoarse(coarse - 1),
      minute,
    });
  }
  return runs;
}
