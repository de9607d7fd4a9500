import { deferred } from '../../lib/async/deferred.js';
import type { WorkerOutcome } from './worker-state.js';

/** Outcomes of a worker in their order. There are two at most: the states allow no more between two requests. */
export class OutcomeQueue {
  readonly #outcomes: WorkerOutcome[] = [];
  #wake: (() => void) | null = null;

  add(outcome: WorkerOutcome): void {
    this.#outcomes.push(outcome);
    this.#wake?.();
  }

  /** The next one; null when `signal` is aborted first. To be called once at a time. */
  async take(signal: AbortSignal): Promise<WorkerOutcome | null> {
    if (this.#outcomes.length === 0 && !signal.aborted) {
      const { promise, resolve } = deferred<void>();
      const wake = () => resolve();
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
      await promise;
      signal.removeEventListener('abort', wake);
      this.#wake = null;
    }
    return this.#outcomes.shift() ?? null;
  }
}
