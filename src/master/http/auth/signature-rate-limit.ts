import type { Clock } from '../../../lib/clock.js';
import { ipPrefix } from '../../../lib/net/ip-prefix.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';

const WINDOW_MS = 60_000;
/** Beyond this many addresses the oldest is forgotten. */
const MAX_ADDRESSES = 10_000;

interface Window {
  readonly began: number;
  count: number;
}

/** The kind of an invalid proof. Kinds are counted separately. */
export type ProofKind = 'signature' | 'digest' | 'token' | 'clock';

/**
 * Counts invalid proofs by kind and address over a minute. It locks no address out, since machines may share one: a
 * valid proof is always accepted. Beyond the limit, the response to an invalid one says only to wait.
 */
export class SignatureRateLimit {
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #first: (kind: ProofKind, address: string) => void;
  readonly #windows = new Map<string, Window>();

  /**
   * `limit`: invalid proofs of an address within a minute whose responses give the reason. `first` is called at the first
   * one of each kind and address in a minute.
   */
  constructor(limit: number, clock: Clock, first: (kind: ProofKind, address: string) => void) {
    this.#limit = limit;
    this.#clock = clock;
    this.#first = first;
  }

  count(kind: ProofKind, address: string): void {
    const key = keyOf(kind, address);
    const window = this.#windowOf(key);
    if (window !== null) {
      window.count += 1;
      return;
    }
    this.#windows.delete(key);
    const [oldest] = this.#windows.size >= MAX_ADDRESSES ? this.#windows.keys() : [];
    if (oldest !== undefined) {
      this.#windows.delete(oldest);
    }
    this.#windows.set(key, { began: this.#clock.now(), count: 1 });
    this.#first(kind, address);
  }

  /** The refusal of another invalid proof of this kind and address; null below the limit. */
  refusal(kind: ProofKind, address: string): ClusterRunnerError | null {
    const window = this.#windowOf(keyOf(kind, address));
    if (window === null || window.count < this.#limit) {
      return null;
    }
    const seconds = Math.max(1, Math.ceil((window.began + WINDOW_MS - this.#clock.now()) / 1000));
    return new ClusterRunnerError(
      'TOO_MANY_REQUESTS',
      `Too many requests of your address were signed wrongly (${this.#limit} in a minute are allowed); try again in ${seconds} s.`,
      { retryAfterSeconds: seconds },
    );
  }

  #windowOf(key: string): Window | null {
    const window = this.#windows.get(key);
    const age = window === undefined ? 0 : this.#clock.now() - window.began;
    // A clock that is set back must not prolong a window.
    return window !== undefined && age >= 0 && age < WINDOW_MS ? window : null;
  }
}

function keyOf(kind: ProofKind, address: string): string {
  return `${kind} ${ipPrefix(address)}`;
}
