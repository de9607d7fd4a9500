/*
 * Durations as small numbers that are in the same order, with three significant digits. 0 to 999 are milliseconds, the next
 * 900 are 1.00 to 9.99 s, the next 10.0 to 99.9 s, and so on.
 */

const DIGITS = 1000;
const STEPS = 900;
/** About 30 years. Longer durations, of clocks that jumped, are cut to it. */
const LONGEST_MS = 999e9;

/** `seconds` from 0. */
export function toCoarse(seconds: number): number {
  const ms = Math.min(Math.round(seconds * 1000), LONGEST_MS);
  let shift = 0;
  while (ms / 10 ** shift >= DIGITS - 0.5) {
    shift += 1;
  }
  return shift * STEPS + Math.round(ms / 10 ** shift);
}

/** The seconds that a number of `toCoarse` stands for. */
export function fromCoarse(coarse: number): number {
  if (coarse < DIGITS) {
    return coarse / 1000;
  }
  const shift = Math.floor((coarse - 100) / STEPS);
  return ((coarse - shift * STEPS) * 10 ** shift) / 1000;
}

/** A rank by which durations can be sorted that has two significant digits, so that it changes seldom. */
export function slownessOf(seconds: number): number {
  return Math.floor(toCoarse(seconds) / 10);
}

/** Rounds to the precision in which durations are kept. */
export function coarsely(seconds: number): number {
  return fromCoarse(toCoarse(seconds));
}
