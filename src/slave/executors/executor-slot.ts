import type { Executors } from './executors.js';

/** An executor that is taken by a lease, and may be released before the lease has ended. */
export class ExecutorSlot {
  readonly index: number;
  readonly #executors: Executors;
  readonly #onRelease: () => void;
  #isReleased = false;

  constructor(executors: Executors, index: number, onRelease: () => void) {
    this.#executors = executors;
    this.index = index;
    this.#onRelease = onRelease;
  }

  /** Has an effect once. */
  release(): void {
    if (!this.#isReleased) {
      this.#isReleased = true;
      this.#executors.release(this.index);
      this.#onRelease();
    }
  }
}
