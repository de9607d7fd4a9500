/** Limits concurrent work. Further calls wait in order, or leave when their signal is aborted. */
export class Semaphore {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(places: number) {
    this.#free = places;
  }

  /** @throws the reason of `gone` when it is aborted before `work` begins, and what `work` throws */
  async run<T>(gone: AbortSignal, work: () => Promise<T>): Promise<T> {
    gone.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
    } else {
      // The call that ends passes its permit on.
      await this.#turn(gone);
    }
    try {
      return await work();
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) {
        this.#free += 1;
      } else {
        this.#waiting.delete(next);
        next();
      }
    }
  }

  #turn(gone: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        gone.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.delete(begin);
        reject(gone.reason);
      };
      this.#waiting.add(begin);
      gone.addEventListener('abort', leave, { once: true });
    });
  }
}
