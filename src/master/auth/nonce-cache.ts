import { seconds } from '../../lib/clock.js';
import type { MasterState } from '../state/master-state.js';
import { allNonces, type ExpiringNonces, forgetNonces, insertNonces } from '../store/nonces.js';
import { NonceWindow } from './nonce-window.js';

/** The nonces of signed requests, kept until their signatures expire: no request is taken twice. */
export class NonceCache {
  readonly #master: MasterState;
  readonly #memory = new NonceWindow();
  readonly #monotonic: () => number;
  /** Those that the store does not know of yet, likewise; null when there are none. */
  #news: Map<number, string[]> | null = null;

  private constructor(master: MasterState, stored: readonly ExpiringNonces[], monotonic: () => number) {
    this.#master = master;
    this.#monotonic = monotonic;
    for (const { expires, nonces } of stored) {
      for (const nonce of nonces) {
        this.#memory.remember(nonce, expires, monotonic());
      }
    }
  }

  /** `monotonic`: milliseconds since some moment, of a clock that nobody sets. */
  static async load(master: MasterState, monotonic: () => number): Promise<NonceCache> {
    return new NonceCache(master, await allNonces(master.store.db), monotonic);
  }

  /**
   * False when it was seen before. `expires` in seconds since the epoch. The store learns it before it learns of
   * anything that its request does, as writes keep their order; so nobody has to wait for its commit.
   */
  remember(nonce: string, expires: number): boolean {
    const whole = Math.ceil(expires);
    if (!this.#memory.remember(nonce, whole, this.#monotonic())) {
      return false;
    }
    const isFirst = this.#news === null;
    this.#news ??= new Map();
    put(this.#news, whole, nonce);
    if (isFirst) {
      this.#recordNews();
    }
    return true;
  }

  /** One write for all that come until its turn: before what any of their requests does, and cheaper than one each. */
  #recordNews(): void {
    const recorded = this.#master.writer.record(() => {
      const news = [...(this.#news ?? [])];
      this.#news = null;
      return news.map(([expires, nonces]) => insertNonces({ expires, nonces }));
    });
    recorded.catch(() => {
      // The master takes no more changes, so there is nothing that could be done twice.
      this.#news = null;
    });
  }

  /** To be called often: what it does grows with what has expired since. */
  async forgetExpired(): Promise<void> {
    const before = this.#memory.forgetExpired(seconds(this.#master.now), this.#monotonic());
    // In an outage only the memory forgets; the rows go with those that expire later.
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
