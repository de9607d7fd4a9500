/**
 * The queued subjobs of one build. Those that were never leased are fresh, in the order in which they should be handed
 * out, so a cursor finds the next one. Those that were returned, or added for a retry, go first; they are few, and kept
 * sorted. So no hand-out looks at all subjobs.
 */
export class SubjobQueue {
  #fresh: readonly number[];
  #next = 0;
  readonly #returned: number[];

  constructor(fresh: readonly number[], returned: readonly number[] = []) {
    this.#fresh = fresh;
    this.#returned = [...returned].sort((a, b) => a - b);
  }

  get size(): number {
    return this.#fresh.length - this.#next + this.#returned.length;
  }

  /** Those that were never leased, in order. */
  get fresh(): readonly number[] {
    return this.#fresh.slice(this.#next);
  }

  /** Replaces those that were never leased. */
  replaceFresh(fresh: readonly number[]): void {
    this.#fresh = fresh;
    this.#next = 0;
  }

  /**
   * Removes the first, or returns null. The caller must lease it at once. Excluded ones come last, or with `allowExcluded`
   * false not at all.
   */
  take(isExcluded: (index: number) => boolean = () => false, allowExcluded = true): number | null {
    return (
      this.#takeReturned((index) => !isExcluded(index)) ??
      this.#takeFresh() ??
      (allowExcluded ? this.#takeReturned(() => true) : null)
    );
  }

  #takeReturned(mayTake: (index: number) => boolean): number | null {
    const place = this.#returned.findIndex(mayTake);
    const [index] = place === -1 ? [] : this.#returned.splice(place, 1);
    return index ?? null;
  }

  #takeFresh(): number | null {
    const index = this.#fresh[this.#next];
    if (index === undefined) {
      return null;
    }
    this.#next += 1;
    return index;
  }

  /** Queues one that was taken, or a new one that should not wait until all fresh ones are taken. */
  putBack(index: number): void {
    const at = this.#returned.findIndex((other) => other > index);
    this.#returned.splice(at === -1 ? this.#returned.length : at, 0, index);
  }
}
