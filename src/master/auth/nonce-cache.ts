import { seconds } from '../../lib/clock.js';
import type { MasterState } from '../state/master-state.js';
import { allNonces, type ExpiringNonces, forgetNonces, insertNonces } from '../store/nonces.js';
import { NonceWindow } from './nonce-window.js';

/** The nonces of signed requests, kept until their signatures expire, so that no request is accepted twice. */
export class NonceCache {
  readonly #master: MasterState;
  readonly #memory = new NonceWindow();
  readonly #monotonic: () => number;
  /** Nonces by expiry that are not passed to the store yet; null when there are none. */
  #pending: Map<number, string[]> | null = null;

  private constructor(master: MasterState, stored: readonly ExpiringNonces[], monotonic: () => number) {
    this.#master = master;
    this.#monotonic = monotonic;
    for (const { expires, nonces } of stored) {
      for (const nonce of nonces) {
        this.#memory.remember(nonce, expires, monotonic());
      }
    }
  }

  /** `monotonic`: the time of a monotonic clock in milliseconds. */
  static async load(master: MasterState, monotonic: () => number): Promise<NonceCache> {
    return new NonceCache(master, await allNonces(master.store.db), monotonic);
  }

  /**
   * False when the nonce was seen before. `expires` in seconds since the epoch. Writes keep their order, so the nonce is
   * stored before anything that its request changes, and nobody has to wait for its commit.
   */
  remember(nonce: string, expires: number): boolean {
    const whole = Math.ceil(expires);
    if (!this.#memory.remember(nonce, whole, this.#monotonic())) {
      return false;
    }
    const isFirst = this.#pending === null;
    this.#pending ??= new Map();
    put(this.#pending, whole, nonce);
    if (isFirst) {
      this.#recordPending();
    }
    return true;
  }

  /** One write for all nonces until it is executed: before their requests' own writes, and cheaper than one each. */
  #recordPending(): void {
    const recorded = this.#master.writer.record(() => {
      const pending = [...(this.#pending ?? [])];
      this.#pending = null;
      return pending.map(([expires, nonces]) => insertNonces({ expires, nonces }));
    });
    recorded.catch(() => {
      // The master accepts no more changes, so nothing can be done twice.
      this.#pending = null;
    });
  }

  /** To be called often: its cost grows with what has expired since the last call. */
  async forgetExpired(): Promise<void> {
    const before = this.#memory.forgetExpired(seconds(this.#master.now), this.#monotonic());
    // During an outage only the memory is cleared; the rows are deleted with those that expire later.
    if (before !== null && this.#master.writer.isWritable) {
      await this.#master.writer.record([forgetNonces(before)]);
    }
  }
}

function put(lists: Map<number, string[]>, expires: number, nonce: string): void {
  const list = lists.get(expires);
  if (list === undefined) {
    lists.set(expires, [nonce]);
  } else {
    list.push(nonce);
  }
}
