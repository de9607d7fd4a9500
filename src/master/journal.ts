import type { Logger } from '../lib/logger.js';
import { Signal } from '../lib/signal.js';
import { ClusterRunnerError, messageOf } from '../protocol/errors.js';
import type { Writable } from './store/database.js';
import type { Store } from './store/store.js';

/** One write of a change that the memory has made already. */
export type Step = (db: Writable) => Promise<void>;

/**
 * How memory and store are kept together: a change is decided and made in memory synchronously, and its steps are
 * recorded in the same breath, so the store sees changes in the order in which they were decided. Who was promised
 * something waits for `record`.
 *
 * When a step fails, memory is ahead of the store for good. The master then refuses everything but reading, until
 * it is started again and rebuilds its memory from the store.
 */
export class Journal {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #committed = new Signal();
  #broken: string | null = null;

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** False once a step has failed. */
  get isWhole(): boolean {
    return this.#broken === null;
  }

  /** @throws UNAVAILABLE once a step has failed. */
  requireWhole(): void {
    if (this.#broken !== null) {
      throw new ClusterRunnerError(
        'UNAVAILABLE',
        `The master could not write to its store (${this.#broken}); mend the cause and start the master again.`,
      );
    }
  }

  /**
   * A write that must succeed before the memory is changed; when it fails nothing has happened.
   * @throws UNAVAILABLE
   */
  async write<T>(mutation: (db: Writable) => Promise<T>): Promise<T> {
    this.requireWhole();
    try {
      const value = await this.#store.write(mutation);
      this.#committed.fire();
      return value;
    } catch (error) {
      if (error instanceof ClusterRunnerError) {
        throw error;
      }
      this.#log.error({ err: error }, 'The store could not be written.');
      throw new ClusterRunnerError(
        'UNAVAILABLE',
        `The master could not write to its store (${messageOf(error)}); mend the cause and ask again.`,
        { cause: error },
      );
    }
  }

  /** Resolves at the next commit. */
  untilCommit(): Promise<void> {
    return this.#committed.next();
  }

  /** All steps in one commit; resolves after it. May be left unawaited. */
  record(steps: readonly Step[]): Promise<void> {
    const written = this.#write(steps);
    // Whoever awaits it gets the rejection; that nobody does must not end the process.
    written.catch(() => undefined);
    return written;
  }

  /** Resolves when everything that was recorded before is committed. */
  async settled(): Promise<void> {
    await this.record([]);
  }

  async #write(steps: readonly Step[]): Promise<void> {
    this.requireWhole();
    try {
      await this.#store.write(async (db) => {
        for (const step of steps) {
          await step(db);
        }
      });
      this.#committed.fire();
    } catch (error) {
      if (!(error instanceof ClusterRunnerError)) {
        this.#broken = messageOf(error);
        this.#log.fatal({ err: error }, 'The store could not be written; the master takes no more changes.');
      }
      this.requireWhole();
      throw error;
    }
  }
}
