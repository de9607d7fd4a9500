import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { MasterSettings } from '../../config/schema.js';
import type { ForgettingTime } from '../maintenance/forgetting-time.js';
import type { MasterState } from '../state/master-state.js';
import type { Write } from '../store/engine/write.js';
import { forgetAtomsOfJob, forgetUnusedAtoms } from '../store/history/atom-histories.js';
import { forgetJobBuilds, trimJobBuilds } from '../store/history/job-builds.js';
import { deleteJob, jobsToForget } from '../store/history/jobs.js';

/** Rows deleted in one transaction, which takes a few milliseconds. */
const CHUNK = 500;
const DAY_MS = 24 * 60 * 60 * 1000;
/** More come from a script that invents names; those whose last build is the oldest are forgotten. */
const MAX_JOBS = 10_000;

/** Deletes what is older than the history is kept, and the jobs of which nothing is left. */
export class HistoryRetention {
  readonly #master: Pick<MasterState, 'store' | 'writer'>;
  readonly #days: number;
  readonly #time: Pick<ForgettingTime, 'now'>;

  constructor(
    master: Pick<MasterState, 'store' | 'writer'>,
    settings: Pick<MasterSettings, 'historyKeptDays'>,
    time: Pick<ForgettingTime, 'now'>,
  ) {
    this.#master = master;
    this.#days = settings.historyKeptDays;
    this.#time = time;
  }

  /** Ends early when `signal` is aborted. */
  async enforce(signal: AbortSignal): Promise<void> {
    if (this.#days > 0) {
      const before = this.#time.now - this.#days * DAY_MS;
      await this.#repeat(signal, () => [forgetJobBuilds(before, CHUNK)]);
      await this.#repeat(signal, () => forgetUnusedAtoms(Math.floor(before / DAY_MS), CHUNK));
    }
    const { db } = this.#master.store;
    for (const { id } of await jobsToForget(db, MAX_JOBS, CHUNK)) {
      await this.#repeat(signal, () => forgetAtomsOfJob(id, CHUNK));
      await this.#repeat(signal, () => [trimJobBuilds(id, 0, CHUNK)]);
      if (signal.aborted) {
        return;
      }
      await this.#master.writer.write(deleteJob(id));
    }
  }

  /** Runs transactions that delete a part each, until nothing is left. The last write of each says how many it has deleted. */
  async #repeat(signal: AbortSignal, part: () => readonly Write<number>[]): Promise<void> {
    while (!signal.aborted) {
      const results = await this.#master.writer.write(part());
      if ((results.at(-1) ?? 0) < CHUNK) {
        return;
      }
      await yieldToEventLoop();
    }
  }
}
