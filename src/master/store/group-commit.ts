import { setImmediate as breathe, setTimeout as delay } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import { Flusher } from '../../lib/flusher.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Database, Writable } from './database.js';
import type { Direct } from './direct.js';

/** It may be run again, after what it did was undone: it does nothing but write, and answer. */
export type Mutation<T> = (db: Writable) => Promise<T>;

interface Queued {
  /** Runs inside the transaction; its outcome is kept until it is settled. */
  run(db: Writable): Promise<void>;
  /** The same so that nothing stays of it when it throws, which it keeps for itself. */
  runApart(db: Writable): Promise<void>;
  committed(): void;
  failed(error: unknown): void;
}

export interface GroupCommitOptions {
  /** Of the same database. */
  readonly direct: Direct;
  /** Told how many seconds each transaction took. */
  readonly observe?: (seconds: number) => void;
  /** Resolves when all that was committed before it was called will outlive a power cut. */
  readonly flush?: () => Promise<void>;
}

/** Writes wait this long for company. It is the real time, not the clock's: nothing is decided by it. */
const WINDOW_MS = 2;
/** And so long when there was much of it last time: each transaction costs as much as some of what is in it. */
const BUSY_WINDOW_MS = 6;
const BUSY = 4;
/** A transaction takes no more mutations after this long: meanwhile nothing else runs in this process. */
const BATCH_MS = 8;

/**
 * Writes that arrive within a few milliseconds share one transaction, and so one flush to the disk. They take
 * effect in the order in which `write` was called, also across transactions. The next transaction does not wait for
 * the flush of the one before; whoever wrote does.
 */
export class GroupCommit {
  readonly #db: Kysely<Database>;
  readonly #direct: Direct;
  readonly #observe: (seconds: number) => void;
  readonly #flusher: Flusher;
  readonly #queue: Queued[] = [];
  readonly #settling = new Set<Promise<void>>();
  #draining: Promise<void> | null = null;
  #closed = false;
  #lastBatch = 0;

  constructor(db: Kysely<Database>, options: GroupCommitOptions) {
    this.#db = db;
    this.#direct = options.direct;
    this.#observe = options.observe ?? (() => undefined);
    this.#flusher = new Flusher(options.flush ?? (async () => undefined));
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
    const written = new Promise<T>((resolve, reject) => this.#queue.push(queued(mutation, resolve, reject)));
    this.#draining ??= this.#drain();
    return written;
  }

  /** Resolves when everything that was written before is committed or has failed. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
    await Promise.all(this.#settling);
  }

  async #drain(): Promise<void> {
    await delay(this.#lastBatch < BUSY ? WINDOW_MS : BUSY_WINDOW_MS);
    while (this.#queue.length > 0) {
      const start = performance.now();
      const batch: Queued[] = [];
      const whole = await this.#transaction((db) => this.#runBatch(db, batch, start + BATCH_MS));
      // Which of them threw is not known when the transaction is undone: now each is kept apart.
      const failure = whole.ok ? whole : await this.#transaction((db) => runApart(db, batch));
      this.#lastBatch = batch.length;
      this.#observe((performance.now() - start) / 1000);
      this.#settle(batch, failure);
      await breathe();
    }
    this.#draining = null;
  }

  /** At least one, and as many more as there is time for. */
  async #runBatch(db: Writable, batch: Queued[], until: number): Promise<void> {
    do {
      const next = this.#queue.shift();
      if (next === undefined) {
        return;
      }
      batch.push(next);
      await next.run(db);
    } while (performance.now() < until);
  }

  async #transaction(
    work: (db: Writable) => Promise<void>,
  ): Promise<{ ok: true } | { ok: false; error: unknown }> {
    try {
      await this.#db.transaction().execute((db) => work(Object.assign(db, { direct: this.#direct })));
      return { ok: true };
    } catch (error) {
      return { ok: false, error };
    }
  }

  #settle(batch: readonly Queued[], outcome: { ok: true } | { ok: false; error: unknown }): void {
    if (!outcome.ok) {
      for (const mutation of batch) {
        mutation.failed(outcome.error);
      }
      return;
    }
    const settled = this.#flusher.flush().then(
      () => {
        for (const mutation of batch) {
          mutation.committed();
        }
      },
      (error: unknown) => {
        for (const mutation of batch) {
          mutation.failed(error);
        }
      },
    );
    this.#settling.add(settled);
    settled.finally(() => this.#settling.delete(settled));
  }
}

function queued<T>(
  mutation: Mutation<T>,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): Queued {
  let settle: () => void = () => reject(new Error('The mutation was never run.'));
  const run = async (db: Writable) => {
    const value = await mutation(db);
    settle = () => resolve(value);
  };
  return {
    run,
    async runApart(db) {
      await sql`SAVEPOINT mutation`.execute(db);
      try {
        await run(db);
      } catch (error) {
        await sql`ROLLBACK TO mutation`.execute(db);
        settle = () => reject(error);
      }
      await sql`RELEASE mutation`.execute(db);
    },
    committed: () => settle(),
    failed: reject,
  };
}

async function runApart(db: Writable, batch: readonly Queued[]): Promise<void> {
  for (const mutation of batch) {
    await mutation.runApart(db);
  }
}
