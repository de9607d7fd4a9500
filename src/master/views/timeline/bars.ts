import { orderOfBars } from './sort-bars.js';

/** Columns of bars that are sorted by executor and start. Numbers in typed arrays take little memory. */
export type SortedBars = Readonly<Record<'id' | 'executor' | 'start' | 'duration' | 'state', Float64Array>>;

/** As a duration: the bar has not ended. */
export const NO_END = -1;

const FIRST_CAPACITY = 64;

/** Bars as they are collected, in any order: in columns, since a build may have a million. */
export class Bars {
  #id = new Float64Array(FIRST_CAPACITY);
  #at = new Float64Array(FIRST_CAPACITY);
  #start = new Float64Array(FIRST_CAPACITY);
  #duration = new Float64Array(FIRST_CAPACITY);
  #state = new Float64Array(FIRST_CAPACITY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /**
   * `at` tells the executor, see `sorted`; `state` is a place in a legend. Times are in milliseconds after the beginning of
   * the build; those before it, by a clock that was set back, count as its beginning.
   */
  add(id: number, at: number, start: number, duration: number, state: number): void {
    const place = this.#size;
    if (place === this.#id.length) {
      this.#grow();
    }
    this.#id[place] = id;
    this.#at[place] = at;
    this.#start[place] = Math.max(0, start);
    this.#duration[place] = duration === NO_END ? NO_END : Math.max(0, duration);
    this.#state[place] = state;
    this.#size += 1;
  }

  /**
   * Sorts the bars. `executorOf` gives the place of the executor of a bar among `executors` of them, by its `at`; -1 leaves it out.
   * `endOf` gives the time at which a bar without an end has ended after all.
   */
  sorted(
    executors: number,
    executorOf: (at: number) => number,
    endOf: (at: number) => number | null = () => null,
  ): SortedBars {
    const executor = new Float64Array(this.#size);
    for (let place = 0; place < this.#size; place += 1) {
      const at = this.#at[place] ?? 0;
      executor[place] = executorOf(at);
      const end = this.#duration[place] === NO_END ? endOf(at) : null;
      if (end !== null) {
        this.#duration[place] = Math.max(0, end - (this.#start[place] ?? 0));
      }
    }
    const order = orderOfBars(executor, this.#start.subarray(0, this.#size), executors);
    return {
      id: arranged(this.#id, order),
      executor: arranged(executor, order),
      start: arranged(this.#start, order),
      duration: arranged(this.#duration, order),
      state: arranged(this.#state, order),
    };
  }

  #grow(): void {
    this.#id = doubled(this.#id);
    this.#at = doubled(this.#at);
    this.#start = doubled(this.#start);
    this.#duration = doubled(this.#duration);
    this.#state = doubled(this.#state);
  }
}

function doubled(column: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * column.length);
  larger.set(column);
  return larger;
}

function arranged(column: Float64Array, order: Uint32Array): Float64Array {
  const sorted = new Float64Array(order.length);
  for (let place = 0; place < order.length; place += 1) {
    sorted[place] = column[order[place] ?? 0] ?? 0;
  }
  return sorted;
}
