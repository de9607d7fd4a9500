import type { Clock } from '../../lib/clock.js';

/**
 * The time by which things are old enough to be forgotten. The clock of a machine may be set forward by years for a
 * while, or be wrong when the machine starts, and what is deleted then stays deleted. So this time goes on from the last
 * thing that the store remembers with the clock that nobody sets, and is never ahead of the machine's clock. What
 * follows for a master that was stopped for a time: that time counts from its next start on.
 */
export class ForgettingTime {
  readonly #clock: Clock;
  readonly #ahead: number;

  /** `lastKnown`: when the newest of what the store remembers was written, in milliseconds; null when it is empty. */
  constructor(clock: Clock, lastKnown: number | null) {
    this.#clock = clock;
    this.#ahead = (lastKnown ?? clock.now()) - clock.monotonic();
  }

  /** Milliseconds since the epoch. */
  get now(): number {
    return Math.min(this.#clock.now(), this.#clock.monotonic() + this.#ahead);
  }
}
