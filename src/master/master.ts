import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { MasterSettings } from '../config/schema.js';
import { leaseFloor, preparation } from '../domain/lease.js';
import { ListenedTime } from '../domain/listened-time.js';
import { CleanupStack } from '../lib/async/cleanup-stack.js';
import { type Clock, seconds } from '../lib/clock.js';
import { freeDiskBytes } from '../lib/fs/free-space.js';
import { makePrivateFolder } from '../lib/fs/private-files.js';
import type { Logger } from '../lib/logger.js';
import type { Project } from '../protocol/build/project.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import type { LeaseId } from '../protocol/ids.js';
import { ZipCache } from './archives/zip-cache.js';
import { NonceCache } from './auth/nonce-cache.js';
import { PreparationReports } from './builds/accept-preparation.js';
import { ResultReports } from './builds/accept-result.js';
import { Builds } from './builds/build-commands.js';
import { BuildQueries } from './builds/build-queries.js';
import { FailureGroupQueries } from './builds/failure-groups.js';
import { buildsOfJob } from './builds/jobs-of-builds.js';
import { KeptResults } from './builds/kept-results.js';
import { Timelines } from './builds/timelines.js';
import { BundleCache } from './bundles/bundle-cache.js';
import { LiveConsoles } from './consoles/live.js';
import { ConsoleSearcher } from './consoles/search/console-searcher.js';
import { acceptProgress } from './dispatch/progress-reports.js';
import { acceptReturnedLease } from './dispatch/returned-leases.js';
import { SlaveMembership } from './dispatch/slave-membership.js';
import { SlavePolls } from './dispatch/slave-polls.js';
import { SlaveWatch } from './dispatch/slave-watch.js';
import { BuildsAsWorkSource } from './dispatch/work-source.js';
import { HistoryKeeper } from './history/history-keeper.js';
import { HistoryQueries } from './history/history-queries.js';
import { WaitingRegrouper } from './leases/regroup-waiting.js';
import { BuildRetention } from './maintenance/build-retention.js';
import { ForgettingTime } from './maintenance/forgetting-time.js';
import { MaintenanceLoop } from './maintenance/maintenance-loop.js';
import { PassRetention } from './maintenance/pass-retention.js';
import { recover } from './recovery.js';
import { DiskGuard } from './state/disk-guard.js';
import type { MasterReading, MasterService } from './state/master-api.js';
import { MasterState } from './state/master-state.js';
import { Metrics } from './state/metrics.js';
import { SlaveRegistry } from './state/slave-registry.js';
import { StateWriter } from './state/state-writer.js';
import { openStore } from './store/engine/store.js';
import { damaged } from './store/engine/store-errors.js';
import { lastEventTime } from './store/events.js';
import { lastLeaseId } from './store/leases.js';
import { searchBuilds } from './store/searches.js';
import { EventFeed, listEvents } from './views/event-feed.js';
import { logEvents } from './views/log-events.js';
import { snapshotOf } from './views/metrics-snapshot.js';
import { utilizationOf } from './views/utilization-view.js';

/**
 * For this part of the time after which a slave is suspect nothing need be heard of one that works. Where its end is not seen,
 * as without power, both times pass until it is noticed.
 */
const SILENCE = 0.4;

const DAY_MS = 24 * 60 * 60 * 1000;

/** Too many to guess. */
const TOKEN_BYTES = 12;

export interface MasterOptions {
  /** Holds the database and the results. Made when it does not exist. */
  readonly directory: string;
  readonly clock: Clock;
  /** In [0, 1); names this run of the master. */
  readonly random: () => number;
  readonly log: Logger;
  readonly settings: MasterSettings;
  /** Draws the token of a lease; at random unless given. */
  readonly leaseToken?: (lease: LeaseId) => string;
  /** Free bytes of the file system with a folder, null when unknown; asks the system unless given. */
  readonly freeBytes?: (directory: string) => number | null;
}

export interface Master extends MasterService, MasterReading {
  /** False when it was seen before; `expires` in seconds since the epoch. */
  rememberNonce(nonce: string, expires: number): boolean;
  /** Writes that wait for an outage of the store to end fail from now on, so that they do not delay the end of the master. */
  endRetries(): void;
  /** Ends held requests, commits what is recorded, and releases the directory. */
  close(): Promise<void>;
}

/**
 * The master without its HTTP layer. It continues where the last one in this directory stopped.
 * @throws ClusterRunnerError CONFLICT when another master uses the directory
 */
export async function createMaster(options: MasterOptions): Promise<Master> {
  const cleanup = new CleanupStack();
  try {
    return await compose(options, cleanup);
  } catch (error) {
    await cleanup.releaseAll();
    throw error;
  }
}

async function compose(options: MasterOptions, cleanup: CleanupStack): Promise<Master> {
  const { directory, clock, log, settings, random } = options;
  // A slave that is silent for the time of a lease is lost.
  const leaseSeconds = settings.unresponsiveSlavesCleanupInterval;
  const leaseMs = leaseSeconds * 1000;
  const resultsDirectory = join(directory, 'results');
  const consolesDirectory = join(directory, 'consoles');
  makePrivateFolder(directory);
  makePrivateFolder(resultsDirectory);
  makePrivateFolder(consolesDirectory);
  const metrics: Metrics = new Metrics(() => snapshotOf(master));
  const path = join(directory, 'master.db');
  const store = await openStore(path, {
    observe: (took) => metrics.commit(took),
    onOutage: (error) => noteOutage(error, path, log),
  });
  cleanup.add(() => store.close());
  const time = new ForgettingTime(clock, await lastEventTime(store.db));
  // The maintenance loop notes four times within the time of a lease that the master listens.
  const listened = new ListenedTime(clock.monotonic(), leaseMs / 3);
  const master: MasterState = new MasterState({
    store,
    writer: new StateWriter(store, log),
    slaves: new SlaveRegistry(() => listened.read(clock.monotonic())),
    clock,
    log,
    resultsDirectory,
    resultBounds: settings,
    leaseToken: options.leaseToken ?? (() => randomBytes(TOKEN_BYTES).toString('base64url')),
    endGraceMs: settings.endGrace * 1000,
    passesKeptMs: settings.passesKeptDays * DAY_MS,
    lastLease: Math.max(await lastLeaseId(store.db), leaseFloor(clock.now())),
    metrics,
    disk: new DiskGuard(directory, clock, log, options.freeBytes ?? freeDiskBytes),
  });
  await recover(master).catch((error: unknown) => {
    if (error instanceof ClusterRunnerError) {
      throw error;
    }
    log.error({ err: error }, 'The memory could not be rebuilt from the store.');
    throw damaged(path, error);
  });
  const { disk } = master;
  const suspectAfterMs = settings.suspectAfter * 1000;
  const polls: SlavePolls = new SlavePolls(new BuildsAsWorkSource(master), clock, log, {
    leaseMs,
    silenceMs: () =>
      suspectAfterMs === 0 || watch.isSlow ? Number.POSITIVE_INFINITY : suspectAfterMs * SILENCE,
  });
  const watch = new SlaveWatch(master, polls, suspectAfterMs);
  cleanup.add(() => watch.stop());
  master.listen(polls);
  const bundles = new BundleCache({
    directory: join(directory, 'packs'),
    clock,
    maxBytes: settings.packsMaxBytes,
    requireDisk: () => disk.requireSpace(),
    numSlaves: () => [...master.slaves.connected()].length,
    needed: () => [...master.builds.values()].flatMap(({ project }) => commitOf(project)),
  });
  const nonces = await NonceCache.load(master, () => performance.now());
  const consoles = new LiveConsoles(consolesDirectory);
  const zips = new ZipCache({
    directory: join(directory, 'zips'),
    clock,
    log,
    maxBytes: settings.zipsMaxBytes,
    diskProblem: (bytes) => disk.problemFor(bytes),
  });
  cleanup.add(() => zips.close());
  const searcher = new ConsoleSearcher(clock);
  cleanup.add(() => searcher.close());
  const history = new HistoryKeeper(master, settings, time);
  cleanup.add(() => history.stop());
  const retention = new BuildRetention(master, consoles, zips, settings, time, history);
  const kept = new KeptResults(master, consoles, join(directory, 'incoming'));
  const builds = new Builds(master, bundles, kept);
  const regrouper = new WaitingRegrouper(master);
  const slaves = new SlaveMembership(master, polls, regrouper, leaseSeconds);
  const maintenance = new MaintenanceLoop(master, {
    slaves,
    nonces,
    retention,
    passes: new PassRetention(master, settings, time),
    bundles,
    regrouper,
    listened,
    time,
    leaseMs,
  });
  cleanup.add(() => maintenance.stop());
  cleanup.add(() => polls.close());
  cleanup.add(() => store.endRetries());
  const feed = new EventFeed(master);
  if (log.isLevelEnabled('info')) {
    const end = new AbortController();
    const logging = logEvents(feed, log, clock, end.signal);
    cleanup.add(() => {
      end.abort();
      return logging;
    });
  }
  return {
    sessionId: drawSessionId(random),
    startedAt: seconds(clock.now()),
    bundles,
    zips,
    ...forSlaves(master, slaves, polls, consoles, regrouper),
    ...forReaders(master, builds, slaves, consoles, searcher, feed),
    createBuild: (request) => builds.create(request),
    cancelBuild: (build, gone) => builds.cancel(build, gone),
    rerun: (build, atoms, requestedBy) => builds.rerun(build, atoms, requestedBy),
    rememberNonce: (nonce, expires) => nonces.remember(nonce, expires),
    get problem() {
      return master.writer.problem ?? disk.problem ?? disk.recentRefusal;
    },
    arePast: false,
    requireSpace: (bytes) => disk.requireSpaceFor(bytes),
    endRetries: () => store.endRetries(),
    close: () => cleanup.releaseAll(),
  };
}

/** The first error of an outage is the one that says what to do; `error` is null when it is over. */
function noteOutage(error: unknown, path: string, log: Logger): void {
  if (error === null) {
    log.info(`${path} can be written again.`);
  } else {
    log.error(
      { err: error },
      `${path} cannot be written; no change is taken, and it is tried again until it can.`,
    );
  }
}

function forSlaves(
  master: MasterState,
  slaves: SlaveMembership,
  polls: SlavePolls,
  consoles: LiveConsoles,
  regrouper: WaitingRegrouper,
) {
  const preparations = new PreparationReports(master);
  const results = new ResultReports(master, polls, consoles, regrouper);
  return {
    drainSlaves: (ids) => slaves.drain(ids),
    registerSlave: (register) => slaves.register(register),
    goodbyeSlave: (slave) => slaves.goodbye(slave),
    askForWork: (slave, request, gone) => polls.poll(slave, request, gone),
    reportPrepared: (slave, build, report) => preparations.prepared(slave, build, report),
    reportPreparationFailed: (slave, build, lease, error) => preparations.failed(slave, build, lease, error),
    returnPreparation: (slave, build, returned) =>
      acceptReturnedLease(master, slave, build, preparation, returned),
    returnLease: (slave, build, subjob, returned) =>
      acceptReturnedLease(master, slave, build, { kind: 'subjob', subjob }, returned),
    reportProgress: (slave, build, subjob, progress) =>
      acceptProgress(master, consoles, slave, build, subjob, progress),
    checkResultLease: (slave, build, subjob, lease) => results.check(slave, build, subjob, lease),
    filesToAdd: (build, subjob, report) => results.filesToAdd(build, subjob, report),
    acceptResult: (slave, build, subjob, report, archive) =>
      results.accept(slave, build, subjob, report, archive),
  } satisfies Partial<Master>;
}

/** The queries of readers. Nothing in it changes anything. */
export function forReaders(
  master: MasterState,
  builds: Builds,
  slaves: Pick<SlaveMembership, 'list' | 'get'>,
  consoles: LiveConsoles,
  searcher: ConsoleSearcher,
  feed: EventFeed,
) {
  const { metrics } = master;
  const history = new HistoryQueries(master.store.db);
  const timelines = new Timelines(master, builds);
  const reading = new BuildQueries(master, builds, consoles, searcher);
  const failures = new FailureGroupQueries(master, builds, reading);
  return {
    listBuilds: (page) => builds.list(page),
    listChosenBuilds: (chosen) => builds.listChosen(chosen),
    buildsOfJob: (job) => buildsOfJob(master, job),
    searchBuilds: (criteria, next) => searchBuilds(master.store.db, criteria, next),
    listUnfinished: (page) => builds.listUnfinished(page),
    queue: (page) => builds.queue(page),
    getBuild: (build) => builds.get(build),
    untilChanged: (build, what, ms, gone) => master.watchers.wait(master.clock, build, what, ms, gone),
    archiveContents: (build) => builds.archiveContents(build),
    archivesOfSubjob: (build, subjob) => builds.archivesOfSubjob(build, subjob),
    followArchives: (build, end) => builds.followArchives(build, end),
    explain: (build) => reading.explain(build),
    listSubjobs: (build, page) => reading.listSubjobs(build, page),
    getSubjob: (build, subjob) => reading.getSubjob(build, subjob),
    listAtoms: (build, subjob, page) => reading.listAtoms(build, subjob, page),
    searchAtoms: (build, criteria, order, range) => reading.searchAtoms(build, criteria, order, range),
    chosenAtoms: (build, chosen) => reading.chosenAtoms(build, chosen),
    getAtom: (build, atom) => reading.getAtom(build, atom),
    listFailureGroups: (build, page) => failures.list(build, page),
    readTimeline: (build, since, gone) => timelines.read(build, since, gone),
    readConsole: (build, atom, lines) => reading.readConsole(build, atom, lines),
    searchConsole: (build, atom, request, gone) => reading.searchConsole(build, atom, request, gone),
    listJobs: (text, page) => history.listJobs(text, page),
    getJob: (job) => history.getJob(job),
    listJobBuilds: (job, page) => history.listJobBuilds(job, page),
    listJobAtoms: (job, query, gone) => history.listJobAtoms(job, query, gone),
    getAtomHistory: (job, name) => history.getAtomHistory(job, name),
    historyOfAtom: (build, atom) => history.historyOfAtom(build, atom),
    listSlaves: async (page) => slaves.list(page),
    getSlave: async (slave) => slaves.get(slave),
    utilization: (hours) => utilizationOf(master, hours),
    listEvents: (after) => listEvents(master, after),
    followEvents: (id, end) => feed.follow(id, end),
    metrics: () => metrics.text(),
    countRequest: (method, route, status, took) => metrics.request(method, route, status, took),
  } satisfies Partial<Master>;
}

/** The commit that a build needs, if it is known yet. */
function commitOf(project: Project): string[] {
  return project.type === 'directory' || project.hash === null ? [] : [project.hash];
}

/** Names a run, and is no secret. */
export function drawSessionId(random: () => number): string {
  return Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
}
