/**
 * Runs flushes one after another, as few as possible. Calls during a flush share the next one, since the current one may
 * miss what was written after it began.
 */
export class Flusher {
  readonly #flush: () => Promise<void>;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(flush: () => Promise<void>) {
    this.#flush = flush;
  }

  /** Resolves when a flush that began after this call is done. @throws what that flush throws */
  flush(): Promise<void> {
    if (this.#running === null) {
      return this.#begin();
    }
    this.#next ??= this.#running.then(
      () => this.#begin(),
      () => this.#begin(),
    );
    return this.#next;
  }

  #begin(): Promise<void> {
    this.#next = null;
    const running = this.#flush().finally(() => {
      if (this.#running === running) {
        this.#running = null;
      }
    });
    this.#running = running;
    return running;
  }
}
