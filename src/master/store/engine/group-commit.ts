import { setTimeout as delay, setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { Flusher } from '../../../lib/async/flusher.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import { type Engine, FailedWrite } from './engine.js';
import { isOutage } from './outage.js';
import type { Results, Write } from './write.js';

/** In an outage, `retry` keeps the write until it is committed, and `refuse` fails it with nothing written. */
export type WhenUnwritable = 'retry' | 'refuse';

/** Writes that are committed together. A function is called once, when their turn comes, and must not throw. */
export type Writes<W extends readonly Write[] = readonly Write[]> = W | (() => W);

interface Queued {
  readonly writes: Writes;
  readonly whenUnwritable: WhenUnwritable;
  readonly resolve: (results: readonly unknown[]) => void;
  readonly reject: (error: unknown) => void;
}

/** All that it needs of an engine. */
type WritableEngine = Pick<Engine, 'transaction' | 'flush' | 'repair'>;

/** A queued entry whose turn has come. */
interface Member extends Queued {
  readonly writes: readonly Write[];
}

export interface GroupCommitOptions {
  /** Called with the seconds that each transaction took. */
  readonly observe?: (seconds: number) => void;
  /** Called when an outage begins, with its first error, and with null when it is over. */
  readonly onOutage?: (error: unknown) => void;
}

/** How long to wait for more writes to batch. In real time, not by the clock: nothing is decided by it. */
const WINDOW_MS = 2;
/** The same when the last transaction had many: each transaction costs as much as some of what is in it. */
const BUSY_WINDOW_MS = 6;
const BUSY = 4;
/** A transaction takes no more writes after this long: meanwhile nothing else runs in this process. */
const BATCH_MS = 8;
/** In an outage the transaction is tried again after this, twice as long each time … */
const FIRST_RETRY_MS = 50;
/** … up to this: so work goes on soon after the cause is fixed. */
const LAST_RETRY_MS = 2000;

/**
 * Writes that arrive within a few milliseconds share one transaction, and so one flush to the disk. They take
 * effect in the order in which `write` was called, also across transactions. The next transaction does not wait for
 * the flush of the one before; the writers do.
 *
 * Writes are data (see Write), so a transaction that was undone can be run again as it was. One that fails for a reason
 * of its own is taken out, and the others are run again without it.
 *
 * An outage (see isOutage) begins when a transaction or a flush fails for a reason outside of the program. The same
 * transaction is then tried again until it succeeds, and everything after it waits, except what asked to be refused.
 */
export class GroupCommit {
  readonly #engine: WritableEngine;
  readonly #observe: (seconds: number) => void;
  readonly #onOutage: (error: unknown) => void;
  readonly #flusher: Flusher;
  readonly #queue: Queued[] = [];
  /** Transactions that wait for their flush. */
  readonly #flushing = new Set<Promise<void>>();
  readonly #noRetries = new AbortController();
  #outage: { readonly error: unknown } | null = null;
  #repairing: Promise<void> | null = null;
  #draining: Promise<void> | null = null;
  #closed = false;
  #lastBatch = 0;

  constructor(engine: WritableEngine, options: GroupCommitOptions = {}) {
    this.#engine = engine;
    this.#observe = options.observe ?? (() => undefined);
    this.#onOutage = options.onOutage ?? (() => undefined);
    this.#flusher = new Flusher(() => engine.flush());
  }

  /** The error with which the outage began; null when there is none. */
  get outage(): { readonly error: unknown } | null {
    return this.#outage;
  }

  /**
   * Resolves with the results of `writes` after their commit. When one of them fails all of them are undone, and this
   * rejects; other calls are not affected.
   * @throws UNAVAILABLE after close(); the error of the outage when it is to be refused in one, or after endRetries()
   */
  write<const W extends readonly Write[]>(
    writes: Writes<W>,
    whenUnwritable: WhenUnwritable = 'retry',
  ): Promise<Results<W>> {
    if (this.#closed) {
      return Promise.reject(
        new ClusterRunnerError('UNAVAILABLE', 'The master is stopping; try again later.'),
      );
    }
    if (this.#outage !== null && whenUnwritable === 'refuse') {
      return Promise.reject(this.#outage.error);
    }
    const written = new Promise<readonly unknown[]>((resolve, reject) =>
      this.#queue.push({ writes, whenUnwritable, resolve, reject }),
    );
    this.#draining ??= this.#drain();
    // An engine returns one result for each write, in order.
    return written as Promise<Results<W>>;
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
    await Promise.all(this.#flushing);
  }

  async #drain(): Promise<void> {
    await delay(this.#lastBatch < BUSY ? WINDOW_MS : BUSY_WINDOW_MS);
    while (this.#queue.length > 0) {
      const start = performance.now();
      const batch: Member[] = [];
      await this.#commit(batch, this.#taken(batch, start + BATCH_MS));
      this.#lastBatch = batch.length;
      this.#observe((performance.now() - start) / 1000);
      await yieldToEventLoop();
    }
    this.#draining = null;
  }

  /** Moves writes from the queue to `batch` as they are asked for: at least one, and more until the time is `until`. */
  *#taken(batch: Member[], until: number): Generator<readonly Write[]> {
    do {
      const next = this.#queue.shift();
      if (next === undefined) {
        return;
      }
      const writes = typeof next.writes === 'function' ? next.writes() : next.writes;
      batch.push({ ...next, writes });
      yield writes;
    } while (performance.now() < until);
  }

  /** Commits what `groups` puts into `batch`, in an outage when it is over. Settles the members, and never rejects. */
  async #commit(batch: Member[], groups: Iterable<readonly Write[]>): Promise<void> {
    let attempt = groups;
    for (let retryMs = FIRST_RETRY_MS; ; ) {
      try {
        // With a probe, so that an outage is not over because nothing is left to write.
        const results = await this.#engine.transaction(attempt, this.#outage !== null);
        this.#endOutage();
        return this.#acknowledge(batch, results);
      } catch (error) {
        const failure = error instanceof FailedWrite ? error.cause : error;
        if (isOutage(failure)) {
          this.#beginOutage(failure);
          refuseSome(batch, failure);
          refuseSome(this.#queue, failure);
          if (!(await slept(retryMs, this.#noRetries.signal))) {
            return rejectAll(batch, failure);
          }
          retryMs = Math.min(LAST_RETRY_MS, 2 * retryMs);
        } else if (error instanceof FailedWrite) {
          batch.splice(error.index, 1)[0]?.reject(failure);
        } else {
          return rejectAll(batch, failure);
        }
        // Others may have been queued meanwhile: they stay after these.
        attempt = batch.map(({ writes }) => writes);
      }
    }
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

  /** Settles a committed batch after its flush, which the next transaction does not wait for. */
  #acknowledge(batch: readonly Member[], results: readonly (readonly unknown[])[]): void {
    const settled = this.#flushed().then(
      () => {
        for (const [at, { resolve }] of batch.entries()) {
          resolve(results[at] ?? []);
        }
      },
      (error: unknown) => rejectAll(batch, error),
    );
    this.#flushing.add(settled);
    settled.finally(() => this.#flushing.delete(settled));
  }

  /** After a failed flush the system may have dropped dirty pages, and a later flush does not report that. */
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
        return await this.#engine.repair();
      } catch (error) {
        if (!isOutage(error)) {
          throw error;
        }
      }
    }
  }
}

/** Removes those that asked to be refused, and fails them. */
function refuseSome(list: Queued[], error: unknown): void {
  const kept = list.filter(({ whenUnwritable }) => whenUnwritable === 'retry');
  rejectAll(
    list.filter(({ whenUnwritable }) => whenUnwritable === 'refuse'),
    error,
  );
  list.splice(0, list.length, ...kept);
}

function rejectAll(list: readonly Queued[], error: unknown): void {
  for (const { reject } of list) {
    reject(error);
  }
}

/** In real time, like the windows. False when `signal` aborts it. */
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
