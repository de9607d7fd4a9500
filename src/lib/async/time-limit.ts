import type { Clock } from '../clock.js';
import { awakeSleep } from './awake-sleep.js';

/**
 * A signal that is aborted with another one, or when its time is over; only time in which this process was awake counts.
 * Call `end` when it is not needed any more.
 */
export class TimeLimit {
  readonly signal: AbortSignal;
  /** Ends the sleep, and removes the listener of the other signal. */
  readonly #done = new AbortController();
  #isOver = false;

  /** Without `seconds` there is no limit. */
  constructor(clock: Clock, seconds: number | null, other: AbortSignal) {
    if (seconds === null) {
      this.signal = other;
      return;
    }
    const controller = new AbortController();
    this.signal = controller.signal;
    if (other.aborted) {
      controller.abort(other.reason);
      return;
    }
    const follow = () => {
      controller.abort(other.reason);
      this.end();
    };
    other.addEventListener('abort', follow, { signal: this.#done.signal });
    awakeSleep(clock, seconds * 1000, this.#done.signal).then(
      () => {
        // False if the other signal was aborted first.
        this.#isOver = !controller.signal.aborted;
        controller.abort(new Error('The time is over.'));
      },
      () => undefined,
    );
  }

  /** Whether the time limit aborted the signal. */
  get isOver(): boolean {
    return this.#isOver;
  }

  end(): void {
    this.#done.abort();
  }
}
