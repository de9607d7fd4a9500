import { stat } from 'node:fs/promises';
import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import type { Clock } from '../../lib/clock.js';
import { ifPresentAsync } from '../../lib/error-code.js';

const INTERVAL_MS = 50;

/**
 * A signal that is aborted with another one, or when a file has grown beyond its limit. Call `end` when nothing writes to the
 * file any more.
 */
export class SizeLimit {
  readonly signal: AbortSignal;
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #done = new AbortController();

  /** The file need not exist yet. */
  constructor(path: string, maxBytes: number, clock: Clock, other: AbortSignal) {
    const exceeded = new AbortController();
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.signal = AbortSignal.any([other, exceeded.signal]);
    this.#watch(exceeded, clock).catch((error: unknown) => exceeded.abort(error));
  }

  async isExceeded(): Promise<boolean> {
    const { size } = (await ifPresentAsync(() => stat(this.#path))) ?? { size: 0 };
    return size > this.#maxBytes;
  }

  end(): void {
    this.#done.abort();
  }

  async #watch(exceeded: AbortController, clock: Clock): Promise<void> {
    while (await sleepUnlessAborted(clock, INTERVAL_MS, this.#done.signal)) {
      if (await this.isExceeded()) {
        exceeded.abort(new Error(`${this.#path} has more than ${this.#maxBytes} bytes.`));
        return;
      }
    }
  }
}
