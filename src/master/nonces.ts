import { seconds } from '../lib/clock.js';
import type { Cluster } from './cluster.js';
import { allNonces, forgetNonces, insertNonce } from './store/nonces.js';

/** The nonces of signed requests, kept until their signatures expire: no request is taken twice. */
export class Nonces {
  readonly #cluster: Cluster;
  readonly #seen: Map<string, number>;

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
    this.#cluster.journal.record([(db) => insertNonce(db, nonce, whole)]);
    return true;
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
