import type { NotCached } from '../protocol/build/cached-atom.js';
import { type PassKeyParts, partsOfKey } from './pass-key.js';

/** The run of an atom in a build. */
export interface RunOfAtom {
  readonly build: number;
  readonly atom: number;
}

/** All that is on record of the runs of an atom with one key. Times in milliseconds since the epoch. */
export interface RecordedRuns {
  readonly key: string;
  /** The newest pass; null when it has only failed. */
  readonly pass: (RunOfAtom & { readonly at: number }) | null;
  /** The newest failure; null when it has never failed. */
  readonly failedAt: number | null;
}

export interface PassConditions {
  readonly now: number;
  /** For how long a pass counts. */
  readonly keptMs: number;
  /** Whether its history says that the atom fails although its code is good. */
  readonly isFlaky: boolean;
}

export type CacheDecision = { readonly from: RunOfAtom } | { readonly reason: NotCached };

/**
 * Whether an atom with this key counts as passed without a run. `known` are the recorded runs of the same atom, with any key.
 * A failure forbids it, also a failure from before the pass: the verdict then depends on more than the inputs.
 */
export function decideFromRecord(
  key: string,
  known: readonly RecordedRuns[],
  { now, keptMs, isFlaky }: PassConditions,
): CacheDecision {
  const same = known.filter((one) => one.key === key);
  // A time ahead of the clock has an unknown age: it is as good as new for a failure, and too old for a pass.
  if (same.some(({ failedAt }) => failedAt !== null && now - failedAt <= keptMs)) {
    return { reason: 'FAILED' };
  }
  if (isFlaky) {
    return { reason: 'FLAKY' };
  }
  const passes = same.flatMap(({ pass }) => pass ?? []);
  const newest = newestOf(passes.filter(({ at }) => at <= now && now - at < keptMs));
  if (newest !== null) {
    return { from: { build: newest.build, atom: newest.atom } };
  }
  return { reason: passes.length > 0 ? 'TOO_OLD' : differenceFromPasses(key, known) };
}

/** The part in which the key differs from that of the pass that is most like it. */
function differenceFromPasses(key: string, known: readonly RecordedRuns[]): NotCached {
  const ours = partsOfKey(key);
  let likest: readonly NotCached[] | null = null;
  for (const { key: other, pass } of known) {
    const theirs = pass === null ? null : partsOfKey(other);
    if (ours !== null && theirs !== null) {
      const differing = differences.flatMap(([part, reason]) =>
        ours[part] === theirs[part] ? [] : [reason],
      );
      likest = likest === null || differing.length < likest.length ? differing : likest;
    }
  }
  return likest?.[0] ?? 'NO_PASS';
}

const differences = [
  ['job', 'JOB'],
  ['surroundings', 'SURROUNDINGS'],
  ['inputs', 'INPUTS'],
] as const satisfies readonly (readonly [keyof PassKeyParts, NotCached])[];

function newestOf<T extends { readonly at: number }>(passes: readonly T[]): T | null {
  return passes.reduce<T | null>(
    (newest, one) => (newest === null || one.at > newest.at ? one : newest),
    null,
  );
}
