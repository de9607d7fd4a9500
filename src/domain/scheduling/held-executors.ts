import type { SlaveId } from '../../protocol/ids.js';
import { IndexPool } from '../index-pool.js';

/** The executors that work on one build: how many on each slave, and which index each has within the build. */
export class HeldExecutors {
  readonly #indexes = new IndexPool();
  readonly #on = new Map<SlaveId, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  totalWithout(slaves: Iterable<SlaveId>): number {
    let total = this.#total;
    for (const slave of slaves) {
      total -= this.on(slave);
    }
    return total;
  }

  on(slave: SlaveId): number {
    return this.#on.get(slave) ?? 0;
  }

  /** For a preparation, which has no index. */
  add(slave: SlaveId): void {
    this.#count(slave, 1);
  }

  /** @returns the smallest index that is free */
  take(slave: SlaveId): number {
    this.#count(slave, 1);
    return this.#indexes.take();
  }

  /** Takes this very index, which the store remembers. @throws Error when it is in use. */
  reserve(slave: SlaveId, index: number): void {
    this.#count(slave, 1);
    this.#indexes.reserve(index);
  }

  /** `index` is null for a preparation. @throws Error when it is free already. */
  release(slave: SlaveId, index: number | null): void {
    this.#count(slave, -1);
    if (index !== null) {
      this.#indexes.release(index);
    }
  }

  #count(slave: SlaveId, change: 1 | -1): void {
    this.#total += change;
    const here = this.on(slave) + change;
    if (here === 0) {
      this.#on.delete(slave);
    } else {
      this.#on.set(slave, here);
    }
  }
}
