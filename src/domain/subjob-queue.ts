/**
 * The queued subjobs of one build, longest expected first. Subjobs are numbered in that order, so the next fresh
 * one is a cursor, and those that came back (always below it) are few and kept sorted: no hand-out looks at all
 * subjobs.
 */
export class SubjobQueue {
  readonly #isQueued: (index: number) => boolean;
  readonly #total: number;
  #fresh = 0;
  readonly #returned: number[] = [];
  #size: number;

  /** `isQueued` answers for subjob `index` and must say true again before `putBack` is called. */
  constructor(total: number, queued: number, isQueued: (index: number) => boolean) {
    this.#total = total;
    this.#size = queued;
    this.#isQueued = isQueued;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Removes and answers the first, or null. The caller must take it out of its queued state at once. What is shunned
   * comes last, or with `takesShunned` false not at all.
   */
  take(isShunned: (index: number) => boolean = () => false, takesShunned = true): number | null {
    return (
      this.#takeReturned((index) => !isShunned(index)) ??
      this.#takeFresh() ??
      (takesShunned ? this.#takeReturned(() => true) : null)
    );
  }

  #takeReturned(mayTake: (index: number) => boolean): number | null {
    const place = this.#returned.findIndex(mayTake);
    const [index] = place === -1 ? [] : this.#returned.splice(place, 1);
    this.#size -= index === undefined ? 0 : 1;
    return index ?? null;
  }

  #takeFresh(): number | null {
    // Subjobs that were not queued when the build was loaded from the store are passed over once.
    while (this.#fresh < this.#total && !this.#isQueued(this.#fresh)) {
      this.#fresh += 1;
    }
    if (this.#fresh >= this.#total) {
      return null;
    }
    this.#size -= 1;
    this.#fresh += 1;
    return this.#fresh - 1;
  }

  /** Also of a subjob that was added later: it does not wait behind the fresh ones. */
  putBack(index: number): void {
    this.#size += 1;
    if (index >= this.#fresh && index < this.#total) {
      return; // The cursor has yet to come by.
    }
    const at = this.#returned.findIndex((other) => other > index);
    this.#returned.splice(at === -1 ? this.#returned.length : at, 0, index);
  }
}
