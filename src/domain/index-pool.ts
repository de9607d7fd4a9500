/** Hands out the smallest index that is free, so indexes stay below the most that were ever in use at once. */
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

  /** Takes this very index, which the store remembers. @throws Error when it is in use. */
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
