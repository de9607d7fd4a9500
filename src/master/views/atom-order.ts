import type { AtomOrder } from '../../protocol/build/search-parameters.js';
import type { FoundAtom } from '../store/searches.js';

type Keyed = Pick<FoundAtom, 'id' | 'key'>;

/** Orders atoms that were found for this order, by their keys and then by their ids; those without a key come last. */
export function compareFound(order: AtomOrder): (a: Keyed, b: Keyed) => number {
  const sign = order.startsWith('-') ? -1 : 1;
  return (a, b) => {
    if (a.key === b.key) {
      return a.id - b.id;
    }
    if (a.key === null || b.key === null) {
      return a.key === null ? 1 : -1;
    }
    return a.key < b.key ? -sign : sign;
  };
}

/** The first `most` items of two sorted lists together; of equal items, those of the first list come first. */
export function mergeSorted<T>(
  first: readonly T[],
  second: readonly T[],
  most: number,
  compare: (a: T, b: T) => number,
): T[] {
  const merged: T[] = [];
  let at = 0;
  for (const item of second) {
    for (let other = first[at]; other !== undefined && compare(other, item) <= 0; other = first[at]) {
      merged.push(other);
      at += 1;
    }
    merged.push(item);
    if (merged.length >= most) {
      return merged.slice(0, most);
    }
  }
  return merged.concat(first.slice(at, at + most - merged.length));
}

/**
 * The first `most` items of sorted lists together, for lists that come one after another. Lists are merged pairwise, like
 * in a merge sort from below, so the work is spread over the calls of `add`.
 */
export class SortedParts<T> {
  readonly #most: number;
  readonly #compare: (a: T, b: T) => number;
  /** At place n nothing, or 2^n lists that are merged. */
  readonly #merged: (readonly T[] | undefined)[] = [];

  constructor(most: number, compare: (a: T, b: T) => number) {
    this.#most = most;
    this.#compare = compare;
  }

  add(sorted: readonly T[]): void {
    let whole = sorted;
    let place = 0;
    for (let lower = this.#merged[place]; lower !== undefined; lower = this.#merged[place]) {
      whole = mergeSorted(lower, whole, this.#most, this.#compare);
      this.#merged[place] = undefined;
      place += 1;
    }
    this.#merged[place] = whole;
  }

  all(): readonly T[] {
    return this.#merged
      .reduce<readonly T[]>(
        (later, earlier) =>
          earlier === undefined ? later : mergeSorted(earlier, later, this.#most, this.#compare),
        [],
      )
      .slice(0, this.#most);
  }
}
