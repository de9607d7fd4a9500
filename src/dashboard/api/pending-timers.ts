/** Timers that end together. */
export class PendingTimers {
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  /** Calls `run` after `ms` milliseconds, unless the timers are dropped before. */
  later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }

  drop(): void {
    for (const timer of this.#timers) {
      clearTimeout(timer);
    }
    this.#timers.clear();
  }
}
