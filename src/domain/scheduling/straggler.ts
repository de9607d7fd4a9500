import type { DurationEstimate } from './duration-estimate.js';

/** Nobody is bothered for less, in seconds. */
const LEAST_SECONDS = 5;
/** So many deviations above the mean: seldom by chance … */
const DEVIATIONS = 3;
/** … and so many times the mean, for atoms that hardly vary: a second run takes as long again. */
const LEAST_FACTOR = 1.5;

/**
 * After how many seconds of running a subjob should also start on a slave that needs `setupSeconds` before it can
 * begin; null when nothing is known of its length.
 */
export function overdueAfter({ expected, stdDev }: DurationEstimate, setupSeconds: number): number | null {
  if (expected === null) {
    return null;
  }
  return Math.max(
    LEAST_SECONDS,
    expected + DEVIATIONS * stdDev,
    expected * LEAST_FACTOR,
    // What has run for so long may well run for as long again; by then the other one must have ended.
    expected + setupSeconds,
  );
}
