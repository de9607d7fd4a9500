import { Counter } from '../../../lib/counter.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';

/** Limits the requests in flight of each slave, so that a faulty one cannot starve the others. */
export class PerSlaveLimit {
  readonly #limit: number;
  readonly #open = new Counter<number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws ClusterRunnerError TOO_MANY_REQUESTS */
  async run<T>(slave: number, work: () => Promise<T>): Promise<T> {
    const open = this.#open.of(slave);
    if (open >= this.#limit) {
      throw new ClusterRunnerError(
        'TOO_MANY_REQUESTS',
        `Slave ${slave} has ${open} requests open, as many as one may have; wait until some have their responses.`,
        { retryAfterSeconds: 1 },
      );
    }
    this.#open.add(slave, 1);
    try {
      return await work();
    } finally {
      this.#open.add(slave, -1);
    }
  }
}
