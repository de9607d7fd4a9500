import type { ServerResponse } from 'node:http';
import { Counter } from '../../../lib/counter.js';
import { ipPrefix } from '../../../lib/net/ip-prefix.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';

/**
 * Limits the concurrent reads of unsigned readers by address: downloads, long polls, listings that go through an archive.
 * Readers with the secret are exempt.
 */
export class ConcurrentReadLimit {
  readonly #limit: number;
  readonly #open = new Counter<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts a read until its response is closed. @throws ClusterRunnerError TOO_MANY_REQUESTS */
  enter(address: string, response: ServerResponse): void {
    const network = ipPrefix(address);
    if (this.#open.of(network) >= this.#limit) {
      throw new ClusterRunnerError(
        'TOO_MANY_REQUESTS',
        `Your address reads ${this.#limit} things at once, as many as one may without a signature (max_reads_per_address); wait until some have their responses.`,
        { retryAfterSeconds: 1 },
      );
    }
    if (!response.closed) {
      this.#open.add(network, 1);
      response.once('close', () => this.#open.add(network, -1));
    }
  }
}
