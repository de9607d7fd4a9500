import { type Deferred, deferred } from './deferred.js';

/** Something that happens now and then; who waits for it hears of the next time only. */
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
