/**
 * The queued subjobs of one build. Those that were never given are fresh, in the order in which they should be handed
 * out, so the next one is a cursor; those that came back, or were added for a retry, go before them. They are few and
 * kept sorted: no hand-out looks at all subjobs.
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

  /** Those that were never given, in order. */
  get fresh(): readonly number[] {
    return this.#fresh.slice(this.#next);
  }

  /** What takes the place of those that were never given. */
  replaceFresh(fresh: readonly number[]): void {
    this.#fresh = fresh;
    this.#next = 0;
  }

  /**
   * Removes and answers the first, or null. The caller must take it out of its queued state at once. What is excluded
   * comes last, or with `allowExcluded` false not at all.
   */
  take(isShunned: (index: number) => boolean = () => false, allowExcluded = true): number | null {
    return (
      this.#takeReturned((index) => !isShunned(index)) ??
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

  /** Of one that was taken, or of a new one that should not wait behind the fresh ones. */
  putBack(index: number): void {
    const at = this.#returned.findIndex((other) => other > index);
    this.#returned.splice(at === -1 ? this.#returned.length : at, 0, index);
  }
}
