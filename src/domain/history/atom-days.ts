import type { AtomRun } from './atom-runs.js';
import { PackedNumbers, packNumber } from './packed-numbers.js';

/** So many of the newest days on which an atom ran are kept. */
export const DAYS_KEPT = 30;

const MINUTES_OF_DAY = 24 * 60;

/** The runs of an atom on one day (UTC), counted. */
export interface AtomDay {
  /** Days since the epoch. */
  readonly day: number;
  /** Builds in which it passed or failed. */
  readonly runs: number;
  readonly failures: number;
  readonly flaky: number;
  /** Spent on runs that failed and were repeated, in hundredths of seconds. */
  readonly retryHundredths: number;
}

export function dayOf({ minute }: Pick<AtomRun, 'minute'>): number {
  return Math.floor(minute / MINUTES_OF_DAY);
}

/** Counts a run on its day. The days stay in order; the oldest go when there are too many. A lost atom did not run. */
export function withRunOnDay(days: readonly AtomDay[], run: AtomRun, retrySeconds: number): AtomDay[] {
  const day = dayOf(run);
  const before = days.filter((one) => one.day < day);
  const same = days.find((one) => one.day === day);
  const after = days.filter((one) => one.day > day);
  const counted: AtomDay = {
    day,
    runs: (same?.runs ?? 0) + (run.kind === 'LOST' ? 0 : 1),
    failures: (same?.failures ?? 0) + (run.kind === 'FAILED' ? 1 : 0),
    flaky: (same?.flaky ?? 0) + (run.kind === 'FLAKY' ? 1 : 0),
    retryHundredths: (same?.retryHundredths ?? 0) + Math.round(retrySeconds * 100),
  };
  return [...before, counted, ...after].slice(-DAYS_KEPT);
}

/** Seconds that were spent on runs that failed and were repeated on these days. */
export function retrySecondsOf(days: readonly AtomDay[]): number {
  return days.reduce((sum, { retryHundredths }) => sum + retryHundredths, 0) / 100;
}

/*
 * Each day is packed as its distance to the one before, doubled; the runs; and where that distance is odd, after doubling,
 * the failures, flaky runs and time for retries. On most days there are none.
 */

export function packDays(days: readonly AtomDay[]): string {
  let text = '';
  let last = 0;
  for (const { day, runs, failures, flaky, retryHundredths } of days) {
    const isQuiet = failures === 0 && flaky === 0 && retryHundredths === 0;
    text += packNumber(2 * (day - last) + (isQuiet ? 0 : 1)) + packNumber(runs);
    text += isQuiet ? '' : packNumber(failures) + packNumber(flaky) + packNumber(retryHundredths);
    last = day;
  }
  return text;
}

/** @throws Error for a text that `packDays` has not written */
export function unpackDays(text: string): AtomDay[] {
  const numbers = new PackedNumbers(text);
  const days: AtomDay[] = [];
  let day = 0;
  while (numbers.hasMore) {
    const step = numbers.next();
    const runs = numbers.next();
    day += Math.floor(step / 2);
    const isQuiet = step % 2 === 0;
    days.push({
      day,
      runs,
      failures: isQuiet ? 0 : numbers.next(),
      flaky: isQuiet ? 0 : numbers.next(),
      retryHundredths: isQuiet ? 0 : numbers.next(),
    });
  }
  return days;
}
