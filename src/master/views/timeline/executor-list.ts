import type { Timeline } from '../../../protocol/build/timeline.js';
import { toId } from '../../../protocol/ids.js';

interface Entry {
  readonly slave: number;
  /** null for a lane. */
  readonly index: number | null;
  readonly lane: number;
}

/** More than any EXECUTOR_INDEX or lane. */
const WIDTH = 2 ** 20;

/** The executors of a timeline. They are numbered in the order of their first use, and sorted in the end. */
export class ExecutorList {
  readonly #entries: Entry[] = [];
  readonly #numbers = new Map<number, number>();

  get slaves(): number[] {
    return [...new Set(this.#entries.map(({ slave }) => slave))];
  }

  /** The number of an executor of a slave, by its EXECUTOR_INDEX. */
  executor(slave: number, index: number): number {
    return this.#numberOf({ slave, index, lane: 0 }, slave * WIDTH + index);
  }

  /** The number of a lane for work of a slave whose executor is not known. */
  lane(slave: number, lane: number): number {
    return this.#numberOf({ slave, index: null, lane }, -(slave * WIDTH + lane) - 1);
  }

  /** In the order of the names of their slaves, lanes last; `places` has the place of each number in the list. */
  sorted(names: ReadonlyMap<number, string>): {
    readonly list: Timeline['executors'];
    readonly places: Uint32Array;
  } {
    const named = this.#entries.map((entry, number) => ({
      ...entry,
      number,
      name: names.get(entry.slave) ?? nameOfSlave(entry.slave),
    }));
    named.sort((a, b) => compareNames(a.name, b.name) || compareEntries(a, b));
    const places = new Uint32Array(named.length);
    for (const [place, { number }] of named.entries()) {
      places[number] = place;
    }
    const list = named.map(({ slave, name, index }) => ({ slave_id: toId.slave(slave), slave: name, index }));
    return { list, places };
  }

  #numberOf(entry: Entry, key: number): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) {
      return known;
    }
    this.#numbers.set(key, this.#entries.length);
    return this.#entries.push(entry) - 1;
  }
}

/** For a slave that the store does not know any more. */
export function nameOfSlave(slave: number): string {
  return `slave ${slave}`;
}

const { compare: compareNames } = new Intl.Collator('en', { numeric: true });

function compareEntries(one: Entry, two: Entry): number {
  return one.slave - two.slave || (one.index ?? WIDTH) - (two.index ?? WIDTH) || one.lane - two.lane;
}
