import type { Clock } from '../../lib/clock.js';
import { networkOf } from '../../lib/network-of.js';
import { ClusterRunnerError } from '../../protocol/errors.js';

const WINDOW_MS = 60_000;
/** More addresses than this are not told apart: the oldest is forgotten. */
const MAX_ADDRESSES = 10_000;

interface Window {
  readonly began: number;
  count: number;
}

/**
 * Counts the signatures that did not verify, by address, over a minute. It does not lock an address out: several
 * machines may share one, and a good signature proves itself. What it stops is the work that guessing makes.
 */
export class FailedSignatures {
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();

  /** `limit`: so many within a minute from one address are answered as what they are. */
  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Of `from`, an address. */
  count(from: string): void {
    const address = networkOf(from);
    const window = this.#windowOf(address);
    if (window !== null) {
      window.count += 1;
      return;
    }
    this.#windows.delete(address);
    const [oldest] = this.#windows.size >= MAX_ADDRESSES ? this.#windows.keys() : [];
    if (oldest !== undefined) {
      this.#windows.delete(oldest);
    }
    this.#windows.set(address, { began: this.#clock.now(), count: 1 });
  }

  /** What to answer to another attempt of this address; null while it may try. */
  refusal(address: string): ClusterRunnerError | null {
    const window = this.#windowOf(networkOf(address));
    if (window === null || window.count < this.#limit) {
      return null;
    }
    const seconds = Math.max(1, Math.ceil((window.began + WINDOW_MS - this.#clock.now()) / 1000));
    return new ClusterRunnerError(
      'TOO_MANY_REQUESTS',
      `Too many requests of your address were signed wrongly (${this.#limit} in a minute are answered); try again in ${seconds} s.`,
      { retryAfterSeconds: seconds },
    );
  }

  #windowOf(address: string): Window | null {
    const window = this.#windows.get(address);
    return window !== undefined && this.#clock.now() - window.began < WINDOW_MS ? window : null;
  }
}
