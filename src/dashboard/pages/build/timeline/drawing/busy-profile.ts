import type { BuildTimeline } from '../timeline-bars.js';
import { firstAbove } from './bar-pixels.js';

/** How many executors worked on a build at each time. */
export class BusyProfile {
  readonly #starts: SortedTimes;
  readonly #ends: SortedTimes;
  readonly numExecutors: number;

  constructor({ rows, end }: BuildTimeline) {
    const ofExecutors = rows.filter(({ slave }) => slave !== null);
    this.numExecutors = ofExecutors.length;
    const starts: number[] = [];
    const ends: number[] = [];
    for (const { bars } of ofExecutors) {
      let reached = 0;
      for (const bar of bars) {
        const [start, until] = [Math.max(reached, bar.start), Math.min(bar.end, end)];
        if (until > start) {
          starts.push(start);
          ends.push(until);
          reached = until;
        }
      }
    }
    this.#starts = new SortedTimes(starts);
    this.#ends = new SortedTimes(ends);
  }

  /** The mean number of busy executors from one time to a later one. */
  meanBetween(from: number, to: number): number {
    const busy = (time: number) => this.#starts.passedUntil(time) - this.#ends.passedUntil(time);
    return Math.max(0, (busy(to) - busy(from)) / (to - from));
  }
}

class SortedTimes {
  readonly #times: Float64Array;
  /** The sum of the times before each place. */
  readonly #sums: Float64Array;

  constructor(times: readonly number[]) {
    this.#times = new Float64Array(times).sort();
    this.#sums = new Float64Array(times.length + 1);
    let sum = 0;
    for (let place = 0; place < times.length; place += 1) {
      sum += this.#times[place] ?? 0;
      this.#sums[place + 1] = sum;
    }
  }

  /** The sum of the time that has passed since each of the times, until `time`. */
  passedUntil(time: number): number {
    const count = firstAbove(this.#times.length, (place) => this.#times[place] ?? 0, time);
    return count * time - (this.#sums[count] ?? 0);
  }
}
