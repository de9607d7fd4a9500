import { Notifier } from '../../lib/async/notifier.js';
import type { Logger } from '../../lib/logger.js';
import { ClusterRunnerError, reasonWithoutPaths } from '../../protocol/errors.js';
import type { Writes } from '../store/engine/group-commit.js';
import type { Store } from '../store/engine/store.js';
import type { Results, Write } from '../store/engine/write.js';

/**
 * Keeps memory and store together. A change is decided and applied in memory synchronously, and its writes are recorded
 * in the same turn. So the store sees changes in the order in which they were decided. Callers that need durability
 * await `record()`.
 *
 * During an outage of the store (its disk is full, say) memory is ahead of the store. Recorded writes are retried until
 * they are committed, and meanwhile the master refuses everything but reading. When a write fails in another way,
 * memory stays ahead, and the master has to be restarted to rebuild its memory from the store.
 */
export class StateWriter {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #committed = new Notifier();
  #broken: string | null = null;

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** Why no change can be made, and what to do; null otherwise. */
  get problem(): string | null {
    if (this.#broken !== null) {
      return `The master could not write to its store (${this.#broken}); fix the cause and start the master again.`;
    }
    const { outage } = this.#store;
    return outage === null
      ? null
      : `The master cannot write to its store (${reasonWithoutPaths(outage.error)}); fix the cause (is its disk full?), and it goes on by itself.`;
  }

  get isWritable(): boolean {
    return this.problem === null;
  }

  /** Must be called before memory is changed. @throws UNAVAILABLE while no change can be made */
  requireWritable(): void {
    const { problem } = this;
    if (problem !== null) {
      throw new ClusterRunnerError('UNAVAILABLE', problem);
    }
  }

  /**
   * Writes what must be in the store before memory is changed; when it fails nothing has happened.
   * @throws UNAVAILABLE
   */
  async write<const W extends readonly Write[]>(writes: Writes<W>): Promise<Results<W>> {
    this.requireWritable();
    try {
      const results = await this.#store.write(writes, 'refuse');
      this.#committed.fire();
      return results;
    } catch (error) {
      if (error instanceof ClusterRunnerError) {
        throw error;
      }
      if (this.#store.outage === null) {
        this.#log.error({ err: error }, 'The store could not be written.');
      }
      throw new ClusterRunnerError(
        'UNAVAILABLE',
        `The master could not write to its store (${reasonWithoutPaths(error)}); fix the cause and ask again.`,
        { cause: error },
      );
    }
  }

  /** Resolves at the next commit. */
  untilCommit(): Promise<void> {
    return this.#committed.next();
  }

  /**
   * Writes in one transaction what is applied in memory. Resolves after the commit, which is later in an outage, with the
   * results. Need not be awaited.
   */
  record<const W extends readonly Write[]>(writes: Writes<W>): Promise<Results<W>> {
    const written = this.#write(writes);
    // Callers that await it get the rejection; without any it must not end the process.
    written.catch(() => undefined);
    return written;
  }

  /** Resolves when everything recorded before is committed. */
  async flush(): Promise<void> {
    await this.record([]);
  }

  async #write<const W extends readonly Write[]>(writes: Writes<W>): Promise<Results<W>> {
    if (this.#broken !== null) {
      this.requireWritable();
    }
    try {
      const results = await this.#store.write(writes);
      this.#committed.fire();
      return results;
    } catch (error) {
      if (!(error instanceof ClusterRunnerError) && this.#broken === null) {
        this.#broken = reasonWithoutPaths(error);
        this.#log.fatal({ err: error }, 'The store could not be written; the master takes no more changes.');
      }
      this.requireWritable();
      throw error;
    }
  }
}
