import { HOURS_OF_UTILIZATION } from '../protocol/slave/utilization-columns.js';

/* How busy the executors were, minute by minute. */

export const MINUTE_MS = 60_000;
/** Minutes that are remembered. */
export const MINUTES_KEPT = HOURS_OF_UTILIZATION * 60;

/** The load at one moment, or its average over a minute. */
export interface ExecutorLoad {
  /** Executors of connected slaves. */
  readonly executors: number;
  readonly busy: number;
  /** Subjobs and preparations that wait for an executor. */
  readonly waiting: number;
}

export interface MinuteLoad extends ExecutorLoad {
  /** Minutes since the epoch. */
  readonly minute: number;
}

/** Averages samples over each minute of the wall clock. */
export class MinuteAverages {
  #minute: number | null = null;
  #samples = 0;
  #sum: ExecutorLoad = { executors: 0, busy: 0, waiting: 0 };

  /**
   * Takes a sample. `now` in milliseconds since the epoch.
   * @returns the averages of the minute before, when this sample begins another one
   */
  add(load: ExecutorLoad, now: number): MinuteLoad | null {
    const minute = Math.floor(now / MINUTE_MS);
    const over = this.#minute === null || this.#minute === minute ? null : this.#averages(this.#minute);
    if (this.#minute !== minute) {
      this.#minute = minute;
      this.#samples = 0;
      this.#sum = { executors: 0, busy: 0, waiting: 0 };
    }
    this.#samples += 1;
    this.#sum = {
      executors: this.#sum.executors + load.executors,
      busy: this.#sum.busy + load.busy,
      waiting: this.#sum.waiting + load.waiting,
    };
    return over;
  }

  #averages(minute: number): MinuteLoad {
    const average = (sum: number) => Math.round((100 * sum) / this.#samples) / 100;
    const { executors, busy, waiting } = this.#sum;
    return { minute, executors: average(executors), busy: average(busy), waiting: average(waiting) };
  }
}
