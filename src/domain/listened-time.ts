/**
 * The time in which the master listened, in milliseconds: it stands still while the process is stopped, its machine is
 * paused, or changes cannot be taken. Slaves are judged by it, so that none is lost because nobody heard it.
 *
 * The master says at short intervals that it listens. Of a longer gap between two such moments only `most` counts.
 */
export class ListenedTime {
  readonly #most: number;
  #counted = 0;
  #at: number;

  /** `now`, here and below, in milliseconds of a clock that is never set. */
  constructor(now: number, most: number) {
    this.#at = now;
    this.#most = most;
  }

  read(now: number): number {
    return this.#counted + Math.min(Math.max(0, now - this.#at), this.#most);
  }

  /** The master listens at this moment. Answers how much was not counted since the last time. */
  note(now: number): number {
    const missed = Math.max(0, now - this.#at - this.#most);
    this.#counted = this.read(now);
    this.#at = now;
    return missed;
  }
}
