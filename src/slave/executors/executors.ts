/** The executors of a slave. Each runs one lease at a time, and has an index that its atoms see (EXECUTOR_INDEX). */
export class Executors {
  readonly #busy: boolean[];

  constructor(count: number) {
    this.#busy = new Array<boolean>(count).fill(false);
  }

  get total(): number {
    return this.#busy.length;
  }

  get free(): number {
    return this.#busy.filter((busy) => !busy).length;
  }

  isBusy(index: number): boolean {
    return this.#busy[index] ?? false;
  }

  /** Takes the first free one, and returns its index. @throws Error when none is free */
  take(): number {
    const index = this.#busy.indexOf(false);
    if (index === -1) {
      throw new Error('All executors are busy.');
    }
    this.#busy[index] = true;
    return index;
  }

  /** @throws Error when it is not taken */
  release(index: number): void {
    if (this.#busy[index] !== true) {
      throw new Error(`Executor ${index} is not busy.`);
    }
    this.#busy[index] = false;
  }
}
