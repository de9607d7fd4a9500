import { type AtomFailure, MAX_FAILURES_KEPT } from '../protocol/build/activity.js';

/** The latest failures of a build. Their numbers rise by one, so that a reader who polls notices how many it has missed. */
export class RecentFailures {
  #total: number;
  #latest: readonly AtomFailure[] = [];

  /** `before`: failures whose details are not known any more. */
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

  /** Counts failures whose details are not known; they are missing from the list. */
  skip(count: number): void {
    this.#total += count;
  }
}
