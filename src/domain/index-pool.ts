/** Hands out the smallest index that is free: at most as many indexes are ever in use as were at once. */
export class IndexPool {
  readonly #used: boolean[] = [];
  /** No index below it is free. */
  #hint = 0;

  take(): number {
    while (this.#used[this.#hint] === true) {
      this.#hint += 1;
    }
    this.#used[this.#hint] = true;
    return this.#hint;
  }

  /** Takes this very index, as the store remembers it. @throws Error when it is in use. */
  reserve(index: number): void {
    if (this.#used[index] === true) {
      throw new Error(`Executor index ${index} is in use.`);
    }
    while (this.#used.length < index) {
      this.#used.push(false);
    }
    this.#used[index] = true;
  }

  /** @throws Error when it is free already. */
  release(index: number): void {
    if (this.#used[index] !== true) {
      throw new Error(`Executor index ${index} is not in use.`);
    }
    this.#used[index] = false;
    this.#hint = Math.min(this.#hint, index);
  }
}
