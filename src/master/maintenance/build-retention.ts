import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { MasterSettings } from '../../config/schema.js';
import { ifPresentAsync } from '../../lib/error-code.js';
import { removeTree } from '../../lib/fs/remove-tree.js';
import type { BuildId } from '../../protocol/ids.js';
import type { ZipCache } from '../archives/zip-cache.js';
import type { LiveConsoles } from '../consoles/live.js';
import type { HistoryKeeper } from '../history/history-keeper.js';
import type { MasterState } from '../state/master-state.js';
import { buildsToForget, deleteBuild, deletePartOf, knownBuilds } from '../store/retention.js';
import type { ForgettingTime } from './forgetting-time.js';

/** Builds forgotten in one round of the maintenance loop, which notices lost slaves in between. */
const AT_ONCE = 20;
const DAY_MS = 24 * 60 * 60 * 1000;

type RetentionSettings = Pick<MasterSettings, 'buildsKept' | 'resultsKeptDays'>;

/** Deletes builds that are too old or too many, once they are in the history: first their rows, then their files. */
export class BuildRetention {
  readonly #master: MasterState;
  readonly #consoles: LiveConsoles;
  readonly #zips: ZipCache;
  readonly #settings: RetentionSettings;
  readonly #time: ForgettingTime;
  readonly #history: Pick<HistoryKeeper, 'recordBeforeDeletion'>;

  constructor(
    master: MasterState,
    consoles: LiveConsoles,
    zips: ZipCache,
    settings: RetentionSettings,
    time: ForgettingTime,
    history: Pick<HistoryKeeper, 'recordBeforeDeletion'>,
  ) {
    this.#master = master;
    this.#consoles = consoles;
    this.#zips = zips;
    this.#settings = settings;
    this.#time = time;
    this.#history = history;
  }

  /** Deletes some of the builds beyond the limits. @returns whether there may be more */
  async enforce(signal: AbortSignal): Promise<boolean> {
    const { store, log } = this.#master;
    const { buildsKept, resultsKeptDays } = this.#settings;
    const before = resultsKeptDays === 0 ? 0 : this.#time.now - resultsKeptDays * DAY_MS;
    const keep = buildsKept === 0 ? Number.MAX_SAFE_INTEGER : buildsKept;
    const builds = await buildsToForget(store.db, before, keep, AT_ONCE);
    for (const build of builds) {
      if (signal.aborted || !(await this.#history.recordBeforeDeletion(build))) {
        return true;
      }
      await this.#forget(build);
    }
    if (builds.length > 0) {
      log.info({ builds: builds.length, last: builds.at(-1) }, 'Old builds were deleted.');
    }
    return builds.length === AT_ONCE;
  }

  /** Deletes files of builds that the store does not have: a master was stopped while it deleted them. */
  async sweep(): Promise<void> {
    for (const directory of [this.#master.resultsDirectory, this.#consoles.directory]) {
      const ids = (await namesIn(directory)).filter((name) => /^[1-9]\d{0,14}$/.test(name)).map(Number);
      const known = await knownBuilds(this.#master.store.db, ids);
      for (const id of ids.filter((one) => !known.has(one))) {
        await removeTree(join(directory, String(id)));
      }
    }
    const zipped = this.#zips.builds();
    const known = await knownBuilds(this.#master.store.db, zipped);
    for (const id of zipped.filter((one) => !known.has(one))) {
      await this.#zips.forgetBuild(id);
    }
  }

  async #forget(build: BuildId): Promise<void> {
    const { writer } = this.#master;
    for (const table of ['atoms', 'retried_runs', 'subjobs', 'leases'] as const) {
      while ((await writer.write([deletePartOf(build, table)]))[0]) {
        // The next part is a transaction of its own.
      }
    }
    await writer.write([deleteBuild(build)]);
    await this.#consoles.forgetBuild(build);
    await this.#zips.forgetBuild(build);
    await removeTree(join(this.#master.resultsDirectory, String(build)));
  }
}

async function namesIn(directory: string): Promise<string[]> {
  return (await ifPresentAsync(() => readdir(directory))) ?? [];
}
