/**
 * The time in which the master listened, in milliseconds. It stands still while the process is stopped, its machine is
 * paused, or changes cannot be taken. Leases expire by it, so that no slave is lost because nobody listened.
 *
 * The master calls `note` at short intervals. A longer gap between two calls counts as `most`.
 */
export class ListenedTime {
  readonly #most: number;
  #counted = 0;
  #at: number;

  /** `now`, here and below, in milliseconds of the monotonic clock. */
  constructor(now: number, most: number) {
    this.#at = now;
    this.#most = most;
  }

  read(now: number): number {
    return this.#counted + Math.min(Math.max(0, now - this.#at), this.#most);
  }

  /** The master listens at this moment. @returns how many milliseconds since the last call did not count */
  note(now: number): number {
    const missed = Math.max(0, now - this.#at - this.#most);
    this.#counted = this.read(now);
    this.#at = now;
    return missed;
  }
}
