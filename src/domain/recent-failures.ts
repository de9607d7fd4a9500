import { type AtomFailure, MAX_FAILURES_KEPT } from '../protocol/build/activity.js';

/**
 * The latest failures of a build with numbers that rise by one, so that whoever looks now and then knows what was missed.
 */
export class RecentFailures {
  #total: number;
  #latest: readonly AtomFailure[] = [];

  /** `before`: failures whose details nobody remembers. */
  constructor(before = 0) {
    this.#total = before;
  }

  get total(): number {
    return this.#total;
  }

  /** Oldest first. */
  get latest(): readonly AtomFailure[] {
    return this.#latest;
  }

  note(failure: Omit<AtomFailure, 'number'>): void {
    this.#total += 1;
    this.#latest = [...this.#latest, { number: this.#total, ...failure }].slice(-MAX_FAILURES_KEPT);
  }

  /** Failures whose names are not at hand count, and are missing from the list. */
  pass(count: number): void {
    this.#total += count;
  }
}
