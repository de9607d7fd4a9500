import { type Deferred, deferred } from './deferred.js';

/** A recurring event; `next` resolves at its next occurrence. */
export class Notifier {
  #next: Deferred<void> | null = null;

  next(): Promise<void> {
    this.#next ??= deferred<void>();
    return this.#next.promise;
  }

  fire(): void {
    this.#next?.resolve();
    this.#next = null;
  }
}
