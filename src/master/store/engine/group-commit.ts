import { setTimeout as delay, setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import { Flusher } from '../../../lib/async/flusher.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import type { Database, Writable } from './database.js';
import type { Direct } from './direct.js';
import { isOutage } from './outage.js';

/** It may be run again, after what it did was undone: it does nothing but write, and answer. */
export type Mutation<T> = (db: Writable) => Promise<T>;

/** `retry`: it is kept through an outage until it is committed. `refuse`: it fails in an outage, and nothing has happened. */
export type WhenUnwritable = 'retry' | 'refuse';

interface Queued {
  readonly whenUnwritable: WhenUnwritable;
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
  /** Makes all that is committed outlive a power cut in another way, after `flush` has failed. */
  readonly repair?: () => Promise<void>;
  /** Called when an outage begins, with its first error, and with null when it is over. */
  readonly onOutage?: (error: unknown) => void;
}

/** Writes wait this long for company. It is the real time, not the clock's: nothing is decided by it. */
const WINDOW_MS = 2;
/** And so long when there was much of it last time: each transaction costs as much as some of what is in it. */
const BUSY_WINDOW_MS = 6;
const BUSY = 4;
/** A transaction takes no more mutations after this long: meanwhile nothing else runs in this process. */
const BATCH_MS = 8;
/** In an outage the transaction is tried again after this, twice as long each time … */
const FIRST_RETRY_MS = 50;
/** … up to this: then it goes on soon after its cause is mended. */
const LAST_RETRY_MS = 2000;

type Outcome = { readonly ok: true } | { readonly ok: false; readonly error: unknown };

/**
 * Writes that arrive within a few milliseconds share one transaction, and so one flush to the disk. They take
 * effect in the order in which `write` was called, also across transactions. The next transaction does not wait for
 * the flush of the one before; whoever wrote does.
 *
 * An outage (see isOutage) begins when a transaction or a flush fails for a reason outside of the program. The same
 * transaction is then tried again until it succeeds, and everything behind it waits, except what asked to be refused.
 */
export class GroupCommit {
  readonly #db: Kysely<Database>;
  readonly #direct: Direct;
  readonly #observe: (seconds: number) => void;
  readonly #flusher: Flusher;
  readonly #queue: Queued[] = [];
  readonly #repair: () => Promise<void>;
  readonly #onOutage: (error: unknown) => void;
  readonly #settling = new Set<Promise<void>>();
  readonly #noRetries = new AbortController();
  #outage: { readonly error: unknown } | null = null;
  #repairing: Promise<void> | null = null;
  #draining: Promise<void> | null = null;
  #closed = false;
  #lastBatch = 0;

  constructor(db: Kysely<Database>, options: GroupCommitOptions) {
    this.#db = db;
    this.#direct = options.direct;
    this.#observe = options.observe ?? (() => undefined);
    this.#flusher = new Flusher(options.flush ?? (async () => undefined));
    this.#repair = options.repair ?? (async () => undefined);
    this.#onOutage = options.onOutage ?? (() => undefined);
  }

  /** What the outage began with; null when there is none. */
  get outage(): { readonly error: unknown } | null {
    return this.#outage;
  }

  /**
   * Resolves with what `mutation` answers, after its commit. A mutation that throws is undone and rejects, and its
   * neighbours in the transaction are not touched.
   * @throws UNAVAILABLE after close(); the error of the outage when it is to be refused in one, or after endRetries()
   */
  write<T>(mutation: Mutation<T>, whenUnwritable: WhenUnwritable = 'retry'): Promise<T> {
    if (this.#closed) {
      return Promise.reject(
        new ClusterRunnerError('UNAVAILABLE', 'The master is stopping; try again later.'),
      );
    }
    if (this.#outage !== null && whenUnwritable === 'refuse') {
      return Promise.reject(this.#outage.error);
    }
    const written = new Promise<T>((resolve, reject) =>
      this.#queue.push(queued(mutation, whenUnwritable, resolve, reject)),
    );
    this.#draining ??= this.#drain();
    return written;
  }

  /** From now on what is not committed in an outage fails instead of being tried again. */
  endRetries(): void {
    this.#noRetries.abort();
  }

  /** Resolves when everything that was written before is committed or has failed. */
  async close(): Promise<void> {
    this.#closed = true;
    this.endRetries();
    await this.#draining;
    await Promise.all(this.#settling);
  }

  async #drain(): Promise<void> {
    await delay(this.#lastBatch < BUSY ? WINDOW_MS : BUSY_WINDOW_MS);
    while (this.#queue.length > 0) {
      const start = performance.now();
      const batch: Queued[] = [];
      const outcome = await this.#commit(batch, start + BATCH_MS);
      this.#lastBatch = batch.length;
      this.#observe((performance.now() - start) / 1000);
      this.#settle(batch, outcome);
      await yieldToEventLoop();
    }
    this.#draining = null;
  }

  /** Moves mutations from the queue to `batch` until the time is `until`, and commits them, in an outage when it is over. */
  async #commit(batch: Queued[], until: number): Promise<Outcome> {
    let outcome = await this.#transaction((db) => this.#runBatch(db, batch, until));
    for (let retryMs = FIRST_RETRY_MS; !outcome.ok; retryMs = Math.min(LAST_RETRY_MS, 2 * retryMs)) {
      if (!isOutage(outcome.error)) {
        // Which of them threw is not known when the transaction is undone: now each is kept apart.
        const apart = await this.#transaction((db) => runApart(db, batch));
        if (apart.ok || !isOutage(apart.error)) {
          return apart;
        }
        outcome = apart;
      }
      const { error } = outcome;
      this.#beginOutage(error);
      refuseSome(batch, error);
      refuseSome(this.#queue, error);
      if (!(await slept(retryMs, this.#noRetries.signal))) {
        return outcome;
      }
      // Others may have been queued meanwhile: they stay behind these.
      outcome = await this.#transaction(async (db) => {
        await probe(db);
        for (const mutation of batch) {
          await mutation.run(db);
        }
      });
    }
    this.#endOutage();
    return outcome;
  }

  #beginOutage(error: unknown): void {
    if (this.#outage === null) {
      this.#outage = { error };
      this.#onOutage(error);
    }
  }

  #endOutage(): void {
    if (this.#outage !== null && this.#repairing === null) {
      this.#outage = null;
      this.#onOutage(null);
    }
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

  async #transaction(work: (db: Writable) => Promise<void>): Promise<Outcome> {
    try {
      await this.#db.transaction().execute((db) => work(Object.assign(db, { direct: this.#direct })));
      return { ok: true };
    } catch (error) {
      return { ok: false, error };
    }
  }

  #settle(batch: readonly Queued[], outcome: Outcome): void {
    if (!outcome.ok) {
      for (const mutation of batch) {
        mutation.failed(outcome.error);
      }
      return;
    }
    const settled = this.#flushed().then(
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

  /** After a flush that failed the system may have dropped what it held, and a later one says nothing of it. */
  async #flushed(): Promise<void> {
    try {
      await this.#flusher.flush();
    } catch (error) {
      if (!isOutage(error)) {
        throw error;
      }
      this.#repairing ??= this.#repaired(error).finally(() => {
        this.#repairing = null;
        this.#endOutage();
      });
    }
    await this.#repairing;
  }

  async #repaired(failure: unknown): Promise<void> {
    this.#beginOutage(failure);
    for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(LAST_RETRY_MS, 2 * retryMs)) {
      if (!(await slept(retryMs, this.#noRetries.signal))) {
        throw failure;
      }
      try {
        return await this.#repair();
      } catch (error) {
        if (!isOutage(error)) {
          throw error;
        }
      }
    }
  }
}

/** Takes those out that asked for it, and fails them. */
function refuseSome(list: Queued[], error: unknown): void {
  const kept = list.filter(({ whenUnwritable }) => whenUnwritable === 'retry');
  for (const mutation of list.filter(({ whenUnwritable }) => whenUnwritable === 'refuse')) {
    mutation.failed(error);
  }
  list.splice(0, list.length, ...kept);
}

/** Writes a page whatever else is written, so that an outage is not over because nothing is left to write. */
async function probe(db: Writable): Promise<void> {
  const { rows } = await sql<{ user_version: number }>`PRAGMA user_version`.execute(db);
  await sql.raw(`PRAGMA user_version = ${rows[0]?.user_version === 1 ? 0 : 1}`).execute(db);
}

/** In real time, like the windows. False when it was broken off. */
async function slept(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) {
      return false;
    }
    throw error;
  }
}

function queued<T>(
  mutation: Mutation<T>,
  whenUnwritable: WhenUnwritable,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): Queued {
  let settle: () => void = () => reject(new Error('The mutation was never run.'));
  const run = async (db: Writable) => {
    const value = await mutation(db);
    settle = () => resolve(value);
  };
  return {
    whenUnwritable,
    run,
    async runApart(db) {
      await sql`SAVEPOINT mutation`.execute(db);
      try {
        await run(db);
      } catch (error) {
        if (isOutage(error)) {
          throw error;
        }
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
