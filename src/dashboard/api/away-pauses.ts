/* How often a page asks a master that is away. Nothing here reads a clock. */

const FIRST_DELAY_MS = 500;
/** While the master may be about to come back, and after the first attempts. */
const LONGEST_DELAY_MS = 10_000;
const LATE_DELAY_MS = 60_000;
const FIRST_ATTEMPTS = 20;
const LONGEST_PAUSE_MS = 60_000;

/**
 * How long to wait before the next attempt to follow the events: twice as long each time, and spread. `random` is in [0, 1).
 */
export function delayBefore(attempt: number, random: number): number {
  const longest = attempt < FIRST_ATTEMPTS ? LONGEST_DELAY_MS : LATE_DELAY_MS;
  const whole = Math.min(longest, FIRST_DELAY_MS * 2 ** Math.min(attempt, 10));
  return whole / 2 + (whole / 2) * random;
}

/** The pause between two requests to a master that has been away for so long: a tenth of that. Both in milliseconds. */
export function pauseWhileAway(awayMs: number): number {
  return Math.min(LONGEST_PAUSE_MS, awayMs / 10);
}
