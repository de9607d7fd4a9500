import type { Executors } from './executors.js';

/** An executor that may be given free before its lease has come to its end. */
export class ExecutorSlot {
  readonly index: number;
  readonly #executors: Executors;
  readonly #freed: () => void;
  #ended = false;

  constructor(executors: Executors, index: number, freed: () => void) {
    this.#executors = executors;
    this.index = index;
    this.#freed = freed;
  }

  end(): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#executors.release(this.index);
      this.#freed();
    }
  }
}
