import { setTimeout as delay } from 'node:timers/promises';
import { type Kysely, sql, type Transaction } from 'kysely';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Database } from './database.js';

export type Mutation<T> = (db: Transaction<Database>) => Promise<T>;

interface Queued {
  /** Runs inside the transaction; its outcome is kept until the commit. */
  run(db: Transaction<Database>): Promise<void>;
  committed(): void;
  failed(error: unknown): void;
}

/** Writes wait this long for company. It is the real time, not the clock's: nothing is decided by it. */
const WINDOW_MS = 2;
const MAX_BATCH = 500;

/**
 * Writes that arrive within a few milliseconds share one transaction, and so one flush to the disk. They take
 * effect in the order in which `write` was called, also across transactions.
 */
export class GroupCommit {
  readonly #db: Kysely<Database>;
  readonly #observe: (seconds: number) => void;
  #queue: Queued[] = [];
  #draining: Promise<void> | null = null;
  #closed = false;

  /** `observe` is told how many seconds each transaction took. */
  constructor(db: Kysely<Database>, observe: (seconds: number) => void = () => undefined) {
    this.#db = db;
    this.#observe = observe;
  }

  /**
   * Resolves with what `mutation` answers, after its commit. A mutation that throws is undone and rejects, and its
   * neighbours in the transaction are not touched; when the transaction itself fails all of them reject.
   * @throws UNAVAILABLE after close().
   */
  write<T>(mutation: Mutation<T>): Promise<T> {
    if (this.#closed) {
      return Promise.reject(
        new ClusterRunnerError('UNAVAILABLE', 'The master is stopping; try again later.'),
      );
    }
    const written = new Promise<T>((resolve, reject) => {
      let settle: () => void = () => reject(new Error('The mutation was never run.'));
      this.#queue.push({
        async run(db) {
          await sql`SAVEPOINT mutation`.execute(db);
          try {
            const value = await mutation(db);
            settle = () => resolve(value);
          } catch (error) {
            await sql`ROLLBACK TO mutation`.execute(db);
            settle = () => reject(error);
          }
          await sql`RELEASE mutation`.execute(db);
        },
        committed: () => settle(),
        failed: reject,
      });
    });
    this.#draining ??= this.#drain();
    return written;
  }

  /** Resolves when everything that was written before is committed or has failed. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
  }

  async #drain(): Promise<void> {
    await delay(WINDOW_MS);
    while (this.#queue.length > 0) {
      await this.#commit(this.#queue.splice(0, MAX_BATCH));
    }
    this.#draining = null;
  }

  async #commit(batch: readonly Queued[]): Promise<void> {
    const start = performance.now();
    try {
      await this.#db.transaction().execute(async (db) => {
        for (const mutation of batch) {
          await mutation.run(db);
        }
      });
    } catch (error) {
      for (const mutation of batch) {
        mutation.failed(error);
      }
      return;
    }
    this.#observe((performance.now() - start) / 1000);
    for (const mutation of batch) {
      mutation.committed();
    }
  }
}
