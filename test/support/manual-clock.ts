import type { Clock } from '../../src/lib/clock.js';

interface Sleeper {
  readonly wakeAt: number;
  readonly wake: () => void;
}

/** A clock that stands still until the test moves it. */
export class ManualClock implements Clock {
  #now: number;
  #monotonic = 0;
  readonly #sleepers = new Set<Sleeper>();

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** Sets the clock like a user: no time passes. */
  set(now: number): void {
    this.#now = now;
  }

  /** The number of present sleepers; a test waits for them before it moves the time. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  /** Moves the time and wakes everybody who is due, earliest first. They run after the caller's next await. */
  advance(ms: number): void {
    this.#now += ms;
    this.#monotonic += ms;
    const due = [...this.#sleepers].filter(({ wakeAt }) => wakeAt <= this.#monotonic);
    for (const sleeper of due.sort((a, b) => a.wakeAt - b.wakeAt)) {
      sleeper.wake();
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const abort = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      const sleeper: Sleeper = {
        wakeAt: this.#monotonic + ms,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}
