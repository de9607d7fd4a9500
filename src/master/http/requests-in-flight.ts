import { ClusterRunnerError } from '../../protocol/errors.js';

/** Counts what each slave has open, so that one that has gone wild leaves room for the others. */
export class RequestsInFlight {
  readonly #limit: number;
  readonly #open = new Map<number, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws ClusterRunnerError TOO_MANY_REQUESTS */
  async run<T>(slave: number, work: () => Promise<T>): Promise<T> {
    const open = this.#open.get(slave) ?? 0;
    if (open >= this.#limit) {
      throw new ClusterRunnerError(
        'TOO_MANY_REQUESTS',
        `Slave ${slave} has ${open} requests open, as many as one may have; wait until some are answered.`,
        { retryAfterSeconds: 1 },
      );
    }
    this.#open.set(slave, open + 1);
    try {
      return await work();
    } finally {
      this.#leave(slave);
    }
  }

  #leave(slave: number): void {
    const left = (this.#open.get(slave) ?? 1) - 1;
    if (left === 0) {
      this.#open.delete(slave);
    } else {
      this.#open.set(slave, left);
    }
  }
}
