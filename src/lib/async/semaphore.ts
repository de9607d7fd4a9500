/** So many may work at once; others wait in the order in which they came, or leave when nobody waits for them. */
export class Semaphore {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(places: number) {
    this.#free = places;
  }

  /** @throws the reason of `gone` when it is aborted before there is a place, and what `work` throws */
  async run<T>(gone: AbortSignal, work: () => Promise<T>): Promise<T> {
    gone.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
    } else {
      // Who leaves a place hands it on.
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
