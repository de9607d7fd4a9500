import { seconds } from '../lib/clock.js';
import type { Cluster } from './cluster.js';
import { allNonces, forgetNonces, insertNonces } from './store/nonces.js';

/** The nonces of signed requests, kept until their signatures expire: no request is taken twice. */
export class Nonces {
  readonly #cluster: Cluster;
  readonly #seen: Map<string, number>;
  /** Those that the store does not know of yet. */
  #news: { nonce: string; expires: number }[] = [];

  private constructor(cluster: Cluster, seen: Map<string, number>) {
    this.#cluster = cluster;
    this.#seen = seen;
  }

  static async load(cluster: Cluster): Promise<Nonces> {
    const rows = await allNonces(cluster.store.db);
    return new Nonces(cluster, new Map(rows.map(({ nonce, expires }) => [nonce, expires])));
  }

  /**
   * False when it was seen before. `expires` in seconds since the epoch. The store learns it before it learns of
   * anything that its request does, as writes keep their order; so nobody has to wait for its commit.
   */
  remember(nonce: string, expires: number): boolean {
    if (this.#seen.has(nonce)) {
      return false;
    }
    const whole = Math.ceil(expires);
    this.#seen.set(nonce, whole);
    if (this.#news.push({ nonce, expires: whole }) === 1) {
      this.#recordNews();
    }
    return true;
  }

  /** One write for all that come until its turn: before what any of their requests does, and cheaper than one each. */
  #recordNews(): void {
    let news: readonly { nonce: string; expires: number }[] | null = null;
    const recorded = this.#cluster.journal.record([
      (db) => {
        if (news === null) {
          news = this.#news;
          this.#news = [];
        }
        return insertNonces(db, news);
      },
    ]);
    recorded.catch(() => {
      // The master takes no more changes, so there is nothing that could be done twice.
      this.#news = [];
    });
  }

  async forgetExpired(): Promise<void> {
    const now = seconds(this.#cluster.now);
    for (const [nonce, expires] of this.#seen) {
      if (expires < now) {
        this.#seen.delete(nonce);
      }
    }
    await this.#cluster.journal.record([(db) => forgetNonces(db, now)]);
  }
}
