import type { Clock } from '../../../lib/clock.js';
import { ipPrefix } from '../../../lib/net/ip-prefix.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';

const WINDOW_MS = 60_000;
/** More addresses than this are not told apart: the oldest is forgotten. */
const MAX_ADDRESSES = 10_000;

interface Window {
  readonly began: number;
  count: number;
}

/** What a sender has shown instead of a good proof: a wrong guess of one kind says nothing about another kind. */
export type ProofKind = 'signature' | 'digest' | 'token';

/**
 * Counts the proofs that were not good, by their kind and the address, over a minute. It locks no address out: several
 * machines may share one, and a good proof is always taken. Beyond the limit a wrong one is only told to wait.
 */
export class SignatureRateLimit {
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #first: (kind: ProofKind, address: string) => void;
  readonly #windows = new Map<string, Window>();

  /**
   * `limit`: so many within a minute from one address are answered as what they are. `first` is told of the first one of
   * each kind and address in a minute.
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

  /** What to answer to another wrong proof of this kind from this address; null while it is told what is wrong. */
  refusal(kind: ProofKind, address: string): ClusterRunnerError | null {
    const window = this.#windowOf(keyOf(kind, address));
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

  #windowOf(key: string): Window | null {
    const window = this.#windows.get(key);
    const age = window === undefined ? 0 : this.#clock.now() - window.began;
    // A clock that was set back must not make a window last longer.
    return window !== undefined && age >= 0 && age < WINDOW_MS ? window : null;
  }
}

function keyOf(kind: ProofKind, address: string): string {
  return `${kind} ${ipPrefix(address)}`;
}
