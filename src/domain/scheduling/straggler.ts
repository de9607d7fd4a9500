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
