import type { MasterSettings } from '../../config/schema.js';
import { KeyedMutex } from '../../lib/async/keyed-mutex.js';
import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import { systemClock } from '../../lib/clock.js';
import { type BuildId, toId } from '../../protocol/ids.js';
import type { ForgettingTime } from '../maintenance/forgetting-time.js';
import type { MasterState } from '../state/master-state.js';
import { oldestUnrecorded } from '../store/history/unrecorded-builds.js';
import { HistoryRecorder } from './history-recorder.js';
import { HistoryRetention } from './history-retention.js';

/** Forgetting is not urgent, and only new builds make it necessary. */
const FORGET_EVERY_MS = 10 * 60 * 1000;
/** In real time: what the store cannot take now is tried again. */
const RETRY_MS = 1000;
const MAX_FAILURES = 3;

type HistorySettings = Pick<MasterSettings, 'historyAtomsKept' | 'historyBuildsKept' | 'historyKeptDays'>;

/** Keeps the history in the background: adds builds after their end, and forgets what is too old or too much. */
export class HistoryKeeper {
  readonly #master: MasterState;
  readonly #recorder: HistoryRecorder;
  readonly #retention: HistoryRetention;
  readonly #turns = new KeyedMutex();
  readonly #stop = new AbortController();
  /** Builds that could not be recorded, with the number of failures. */
  readonly #failures = new Map<BuildId, number>();
  readonly #done: Promise<void>;

  constructor(master: MasterState, settings: HistorySettings, time: ForgettingTime) {
    this.#master = master;
    this.#recorder = new HistoryRecorder(master, settings);
    this.#retention = new HistoryRetention(master, settings, time);
    this.#done = this.#run();
  }

  /** The next master goes on with the builds that are not recorded. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#master.ended.fire();
    await this.#done;
  }

  /** Records a build that is about to be deleted. @returns false when it cannot be recorded now, and should be kept */
  async recordBeforeDeletion(build: BuildId): Promise<boolean> {
    return this.#isGivenUp(build) || (await this.#record(build));
  }

  async #run(): Promise<void> {
    const master = this.#master;
    const { signal } = this.#stop;
    let forgotten = master.steady - FORGET_EVERY_MS;
    while (!signal.aborted) {
      const ended = master.ended.next();
      if (!(await this.#recordAll())) {
        await sleepUnlessAborted(systemClock, RETRY_MS, signal);
        continue;
      }
      if (master.steady - forgotten >= FORGET_EVERY_MS) {
        forgotten = master.steady;
        await this.#forget();
      }
      await ended;
    }
  }

  /** @returns false when something is to be tried again soon */
  async #recordAll(): Promise<boolean> {
    for (;;) {
      const givenUp = [...this.#failures.keys()].filter((build) => this.#isGivenUp(build));
      const next = await oldestUnrecorded(this.#master.store.db, givenUp);
      if (next === undefined) {
        return true;
      }
      if (!(await this.#record(toId.build(next.build_id)))) {
        return false;
      }
    }
  }

  #isGivenUp(build: BuildId): boolean {
    return (this.#failures.get(build) ?? 0) >= MAX_FAILURES;
  }

  /** @returns whether it is recorded, or given up */
  async #record(build: BuildId): Promise<boolean> {
    const { log, writer } = this.#master;
    try {
      return await this.#turns.run('', () => this.#recorder.record(build, this.#stop.signal));
    } catch (error) {
      if (this.#stop.signal.aborted || !writer.isWritable) {
        return false;
      }
      this.#failures.set(build, (this.#failures.get(build) ?? 0) + 1);
      const isGivenUp = this.#isGivenUp(build);
      const then = isGivenUp ? 'it is left out until the master is restarted' : 'it is tried again';
      log.error({ err: error, build }, `Build ${build} could not be added to the history; ${then}.`);
      return isGivenUp;
    }
  }

  async #forget(): Promise<void> {
    try {
      await this.#turns.run('', () => this.#retention.enforce(this.#stop.signal));
    } catch (error) {
      if (!this.#stop.signal.aborted && this.#master.writer.isWritable) {
        this.#master.log.error(
          { err: error },
          'The old part of the history could not be deleted; it is tried again.',
        );
      }
    }
  }
}
