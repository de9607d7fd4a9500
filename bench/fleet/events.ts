/** A queue of future events by time; those of the same time in the order in which they were added. */
export class Events<T> {
  readonly #heap: { readonly at: number; readonly order: number; readonly what: T }[] = [];
  #added = 0;

  add(at: number, what: T): void {
    this.#added += 1;
    const heap = this.#heap;
    heap.push({ at, order: this.#added, what });
    for (let child = heap.length - 1; child > 0; ) {
      const parent = (child - 1) >>> 1;
      if (!this.#swapped(parent, child)) {
        break;
      }
      child = parent;
    }
  }

  next(): { readonly at: number; readonly what: T } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) {
      return first;
    }
    heap[0] = last;
    for (let parent = 0; ; ) {
      const [left, right] = [2 * parent + 1, 2 * parent + 2];
      const child = this.#isBefore(right, left) ? right : left;
      if (!this.#swapped(parent, child)) {
        return first;
      }
      parent = child;
    }
  }

  /** Swaps them when the child comes first. */
  #swapped(parent: number, child: number): boolean {
    const [above, below] = [this.#heap[parent], this.#heap[child]];
    if (above === undefined || below === undefined || !this.#isBefore(child, parent)) {
      return false;
    }
    this.#heap[parent] = below;
    this.#heap[child] = above;
    return true;
  }

  #isBefore(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    if (a === undefined || b === undefined) {
      return a !== undefined;
    }
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }
}
