import type { SlaveId, SubjobId } from '../../protocol/ids.js';
import type { Task } from '../lease.js';
import type { DurationEstimate } from './duration-estimate.js';

/** A second run is not worth it for less, in seconds. */
const LEAST_SECONDS = 5;
/** So many standard deviations above the mean, which happens seldom by chance … */
const DEVIATIONS = 3;
/** … and so many times the mean, for atoms that hardly vary: the second run needs the full time again. */
const LEAST_FACTOR = 1.5;

/**
 * After how many seconds of running a subjob should start on a second slave, which needs `setupSeconds` before it can
 * begin; null when there is no estimate.
 */
export function overdueAfter({ expected, stdDev }: DurationEstimate, setupSeconds: number): number | null {
  if (expected === null) {
    return null;
  }
  return Math.max(
    LEAST_SECONDS,
    expected + DEVIATIONS * stdDev,
    expected * LEAST_FACTOR,
    // By the time that the second run has ended, the first one must be expected to run on.
    expected + setupSeconds,
  );
}

/** Looks up what is known of a subjob. */
interface Subjobs<Subjob extends { readonly task: Task }> {
  find(id: SubjobId): Subjob;
  estimate(subjob: Subjob): DurationEstimate;
}

/** A slave that may start a straggler too, after `setupSeconds`. `now` in seconds of the monotonic clock. */
interface Helper {
  readonly slave: SlaveId;
  readonly setupSeconds: number;
  readonly now: number;
}

/** The one of these subjobs that has run the longest beyond its estimate, and that one other slave holds; null for none. */
export function worstStraggler<Subjob extends { readonly task: Task }>(
  leased: Iterable<SubjobId>,
  { find, estimate }: Subjobs<Subjob>,
  { slave, setupSeconds, now }: Helper,
): SubjobId | null {
  let worst: { readonly id: SubjobId; readonly late: number } | null = null;
  for (const id of leased) {
    const subjob = find(id);
    const [holder, duplicate] = subjob.task.holders;
    if (holder === undefined || duplicate !== undefined || holder.slave === slave) {
      continue;
    }
    const after = overdueAfter(estimate(subjob), setupSeconds);
    const late = after === null || holder.beganAt === null ? 0 : now - holder.beganAt - after;
    if (late > (worst?.late ?? 0)) {
      worst = { id, late };
    }
  }
  return worst?.id ?? null;
}
