import type { Clock } from '../../lib/clock.js';

/**
 * The time by which the age of things is measured before they are deleted. The wall clock may be years ahead for a while,
 * or wrong when the machine starts, and what is deleted then stays deleted. So this time continues from the newest
 * thing in the store by the monotonic clock, and is never ahead of the wall clock. Time in which the master was stopped
 * does not count.
 */
export class ForgettingTime {
  readonly #clock: Clock;
  readonly #ahead: number;

  /** `lastKnown`: when the newest thing in the store was written, in milliseconds since the epoch; null when it is empty. */
  constructor(clock: Clock, lastKnown: number | null) {
    this.#clock = clock;
    this.#ahead = (lastKnown ?? clock.now()) - clock.monotonic();
  }

  /** Milliseconds since the epoch. */
  get now(): number {
    return Math.min(this.#clock.now(), this.#clock.monotonic() + this.#ahead);
  }
}
