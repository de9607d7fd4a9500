import { join } from 'node:path';
import type { MasterSettings } from '../config/schema.js';
import { isEnded } from '../domain/build-state.js';
import { CleanupStack } from '../lib/async/cleanup-stack.js';
import { type Clock, seconds } from '../lib/clock.js';
import { freeDiskBytes } from '../lib/fs/free-space.js';
import type { Logger } from '../lib/logger.js';
import type { Explanation } from '../protocol/build/explanation.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import { toId } from '../protocol/ids.js';
import { ZipCache } from './archives/zip-cache.js';
import { NonceCache } from './auth/nonce-cache.js';
import { Builds } from './builds/build-commands.js';
import { KeptResults } from './builds/kept-results.js';
import { LiveConsoles } from './consoles/live.js';
import { ConsoleSearcher } from './consoles/search/console-searcher.js';
import { HistoryKeeper } from './history/history-keeper.js';
import { ForgettingTime } from './maintenance/forgetting-time.js';
import { drawSessionId, forReaders, type Master } from './master.js';
import { DiskGuard } from './state/disk-guard.js';
import type { MasterBundles } from './state/master-api.js';
import { MasterState } from './state/master-state.js';
import { Metrics } from './state/metrics.js';
import { SlaveRegistry } from './state/slave-registry.js';
import { StateWriter } from './state/state-writer.js';
import { storeVerdictCounts } from './store/atoms.js';
import { unfinishedBuilds, updateBuild } from './store/builds.js';
import { copyDatabase } from './store/engine/copy-database.js';
import { openStore, type Store } from './store/engine/store.js';
import { deliveredSubjobs } from './store/subjobs.js';
import { EventFeed } from './views/event-feed.js';
import { snapshotOf } from './views/metrics-snapshot.js';

/** As in the setting. */
const KEPT_FOREVER = 0;

export interface PastBuildsOptions {
  /** The directory of a master that does not run. */
  readonly directory: string;
  /** An empty folder for the copy of the store, and for files that are made on request. Its owner removes it. */
  readonly scratch: string;
  readonly clock: Clock;
  /** In [0, 1); names this view. */
  readonly random: () => number;
  readonly log: Logger;
  readonly settings: MasterSettings;
}

/** Past builds as a master shows them. Every change is refused. */
export interface PastBuilds extends Master {
  /** See databaseStamp: of the moment that they show. */
  readonly stamp: string;
}

const NO_MASTER =
  'No master runs here; these are the builds of one that has stopped, and nothing of them can be changed.';

/**
 * Opens the builds that a master has left in its directory. It reads a copy of the store, where the log of a killed master and
 * the schema of an older version are updated. The store itself stays as it is, and free for a master that
 * starts meanwhile. Unfinished builds are not recovered.
 * @throws ClusterRunnerError as copyDatabase and openStore
 */
export async function openPastBuilds(options: PastBuildsOptions): Promise<PastBuilds> {
  const cleanup = new CleanupStack();
  try {
    return await compose(options, cleanup);
  } catch (error) {
    await cleanup.releaseAll();
    throw error;
  }
}

async function compose(options: PastBuildsOptions, cleanup: CleanupStack): Promise<PastBuilds> {
  const { directory, scratch, clock, log, settings, random } = options;
  const path = join(directory, 'master.db');
  const { path: copy, stamp } = await copyDatabase(path, scratch);
  const store = await openStore(copy, { named: path });
  cleanup.add(() => store.close());
  await countUnfinished(store);
  const metrics: Metrics = new Metrics(() => snapshotOf(master));
  const disk = new DiskGuard(scratch, clock, log, freeDiskBytes);
  const master: MasterState = new MasterState({
    store,
    writer: new StateWriter(store, log),
    slaves: new SlaveRegistry(() => 0),
    clock,
    log,
    metrics,
    disk,
    resultsDirectory: join(directory, 'results'),
    resultBounds: settings,
    leaseToken: refuse,
    endGraceMs: 0,
    passesKeptMs: 0,
    lastLease: 0,
  });
  const nonces = await NonceCache.load(master, () => performance.now());
  const zips = new ZipCache({
    directory: join(scratch, 'zips'),
    clock,
    log,
    maxBytes: settings.zipsMaxBytes,
    diskProblem: (bytes) => disk.problemFor(bytes),
  });
  cleanup.add(() => zips.close());
  const consoles = new LiveConsoles(join(directory, 'consoles'));
  const kept = new KeptResults(master, consoles, join(scratch, 'incoming'), join(scratch, 'kept'));
  const builds = new Builds(master, bundles, kept);
  const searcher = new ConsoleSearcher(clock);
  cleanup.add(() => searcher.close());
  // Builds of an earlier version, and the last one of a master that was killed, are added to the history in the copy.
  const time = new ForgettingTime(clock, null);
  const history = new HistoryKeeper(master, { ...settings, historyKeptDays: KEPT_FOREVER }, time);
  cleanup.add(() => history.stop());
  const reading = forReaders(master, builds, slaves, consoles, searcher, new EventFeed(master));
  return {
    ...reading,
    ...changes,
    stamp,
    sessionId: drawSessionId(random),
    startedAt: seconds(clock.now()),
    bundles,
    zips,
    problem: null,
    arePast: true,
    explain: async (build) => explainLeft(await reading.explain(build)),
    archiveContents: async (build) => {
      await builds.row(build);
      return builds.contentsSoFar(build);
    },
    archivesOfSubjob: async (build, subjob) => ({
      ...(await builds.archivesOfSubjob(build, subjob)),
      isOver: true,
    }),
    followArchives: async () => null,
    rememberNonce: (nonce, expires) => nonces.remember(nonce, expires),
    endRetries: () => store.endRetries(),
    close: () => cleanup.releaseAll(),
  };
}

/** Stores the counts of unfinished builds, which a master keeps in memory until they end, in the copy. */
async function countUnfinished(store: Store): Promise<void> {
  for (const row of await unfinishedBuilds(store.db)) {
    const build = toId.build(row.id);
    const delivered = await deliveredSubjobs(store.db, build);
    await store.write([
      storeVerdictCounts(build),
      updateBuild(build, { num_subjobs_done: delivered.length }),
    ]);
  }
}

/** An unfinished build waits for its master, and no other reason applies. */
function explainLeft(explanation: Explanation): Explanation {
  const { state } = explanation;
  const text = `The build was ${state} when its master stopped; it is shown as it was left then.`;
  return isEnded(state) ? explanation : { ...explanation, reasons: [{ reason: 'NO_MASTER', text }] };
}

/** @throws ClusterRunnerError CONFLICT */
function refuse(): never {
  throw new ClusterRunnerError('CONFLICT', NO_MASTER);
}

async function refuseLater(): Promise<never> {
  return refuse();
}

const bundles: MasterBundles = {
  numSlaves: 0,
  known: () => [],
  chain: () => [],
  open: refuseLater,
  remainingBytes: refuseLater,
  keep: refuseLater,
};

const slaves: Parameters<typeof forReaders>[2] = {
  list: () => ({ slaves: [], total: 0 }),
  get(slave) {
    throw new ClusterRunnerError('NOT_FOUND', `There is no slave ${slave}. ${NO_MASTER}`);
  },
};

const changes = {
  createBuild: refuseLater,
  cancelBuild: refuseLater,
  rerun: refuseLater,
  drainSlaves: refuseLater,
  registerSlave: refuseLater,
  goodbyeSlave: refuseLater,
  askForWork: refuseLater,
  reportPrepared: refuseLater,
  reportPreparationFailed: refuseLater,
  returnPreparation: refuseLater,
  returnLease: refuseLater,
  reportProgress: refuseLater,
  requireSpace: refuse,
  checkResultLease: refuse,
  filesToAdd: refuseLater,
  acceptResult: refuseLater,
} satisfies Partial<Master>;
