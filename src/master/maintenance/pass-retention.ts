import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { MasterSettings } from '../../config/schema.js';
import type { MasterState } from '../state/master-state.js';
import type { Write } from '../store/engine/write.js';
import { countPasses, forgetOldestPasses, forgetPasses } from '../store/recorded-passes.js';
import type { ForgettingTime } from './forgetting-time.js';

/** Rows deleted in one transaction, which takes a few milliseconds. */
const CHUNK = 1_000;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Deletes recorded passes that are too old or too many. */
export class PassRetention {
  readonly #master: Pick<MasterState, 'store' | 'writer'>;
  readonly #settings: Pick<MasterSettings, 'passesKept' | 'passesKeptDays'>;
  readonly #time: Pick<ForgettingTime, 'now'>;

  constructor(
    master: Pick<MasterState, 'store' | 'writer'>,
    settings: Pick<MasterSettings, 'passesKept' | 'passesKeptDays'>,
    time: Pick<ForgettingTime, 'now'>,
  ) {
    this.#master = master;
    this.#settings = settings;
    this.#time = time;
  }

  /** Ends early when `signal` is aborted. */
  async enforce(signal: AbortSignal): Promise<void> {
    const { passesKept, passesKeptDays } = this.#settings;
    const before = this.#time.now - passesKeptDays * DAY_MS;
    await this.#repeat(signal, Number.POSITIVE_INFINITY, (limit) => forgetPasses(before, limit));
    const surplus = (await countPasses(this.#master.store.db)) - passesKept;
    await this.#repeat(signal, surplus, forgetOldestPasses);
  }

  /** Runs transactions that delete a part each, until `most` rows are deleted, or no more are found. */
  async #repeat(signal: AbortSignal, most: number, part: (limit: number) => Write<number>): Promise<void> {
    let left = most;
    while (left > 0 && !signal.aborted) {
      const limit = Math.min(CHUNK, left);
      const [deleted = 0] = await this.#master.writer.write([part(limit)]);
      if (deleted < limit) {
        return;
      }
      left -= deleted;
      await yieldToEventLoop();
    }
  }
}
