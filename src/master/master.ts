import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { leaseFloor } from '../domain/lease.js';
import { ListenedTime } from '../domain/listened-time.js';
import { Releasers } from '../lib/async/cleanup-stack.js';
import { type Clock, seconds } from '../lib/clock.js';
import { freeDiskBytes } from '../lib/fs/free-space.js';
import { makePrivateFolder } from '../lib/fs/private-files.js';
import type { Logger } from '../lib/logger.js';
import type { Project } from '../protocol/build/project.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import type { LeaseId } from '../protocol/ids.js';
import { KeptZips } from './archives/zip-cache.js';
import { Nonces } from './auth/nonce-cache.js';
import { Preparation } from './builds/accept-preparation.js';
import { Results } from './builds/accept-result.js';
import { Builds } from './builds/builds.js';
import { KeptResults } from './builds/kept-results.js';
import { Packs } from './bundles/bundle-cache.js';
import { LiveConsoles } from './consoles/live.js';
import { LongPolls } from './dispatch/long-polls.js';
import { takeProgress } from './dispatch/progress-reports.js';
import { takeBack } from './dispatch/returned-leases.js';
import { Slaves } from './dispatch/slave-membership.js';
import { HandOut } from './dispatch/work-requests.js';
import { Regrouping } from './leases/regroup-waiting.js';
import { Retention, type RetentionLimits } from './maintenance/build-retention.js';
import { ForgettingTime } from './maintenance/forgetting-time.js';
import { Upkeep } from './maintenance/maintenance-loop.js';
import { recover } from './recovery.js';
import { DiskRoom } from './state/disk-guard.js';
import type { MasterReading, MasterService } from './state/master-api.js';
import { Cluster } from './state/master-state.js';
import { Metrics } from './state/metrics.js';
import { defaultResultBounds, type ResultBounds } from './state/result-limits.js';
import { SlavesInMemory } from './state/slave-registry.js';
import { Journal } from './state/state-writer.js';
import { openStore } from './store/engine/store.js';
import { damaged } from './store/engine/store-errors.js';
import { lastLeaseId } from './store/leases.js';
import { lastEventTime } from './store/reading.js';
import { Reading } from './views/build-queries.js';
import { EventFeed, listEvents } from './views/event-log.js';
import { logEvents } from './views/log-events.js';
import { snapshotOf } from './views/metrics-snapshot.js';

/** Nobody guesses so many. */
const TOKEN_BYTES = 12;

export interface MasterOptions {
  /** Holds the database and the results. Made when it is not there. */
  readonly directory: string;
  readonly clock: Clock;
  /** In [0, 1); names this run of the master. */
  readonly random: () => number;
  readonly log: Logger;
  /** A slave that is not heard for this long is lost. */
  readonly leaseSeconds: number;
  /** Draws the token of a lease; at random unless given. */
  readonly leaseToken?: (lease: LeaseId) => string;
  /** Which builds that have ended are kept. */
  readonly retention: RetentionLimits;
  /** Of all bundles of projects together; 10 GiB unless given. */
  readonly maxPackBytes?: number;
  /** Of all zips together, 0: none is kept; 10 GiB unless given. */
  readonly maxZipBytes?: number;
  /** How much results may hold; the defaults of the configuration unless given. */
  readonly resultBounds?: ResultBounds;
  /** How long slaves may take to deliver what there is of a build that is ended early; 0: it ends at once. */
  readonly endGraceSeconds: number;
  /** What may still be written where a folder is, null when nobody knows; asked of the system unless given. */
  readonly freeBytes?: (directory: string) => number | null;
}

export interface Master extends MasterService, MasterReading {
  /** False when it was seen before; `expires` in seconds since the epoch. */
  rememberNonce(nonce: string, expires: number): boolean;
  /** What waits for an outage of the store to end fails from now on, so that nothing holds up the end of the master. */
  endRetries(): void;
  /** Ends what waits, commits what is under way, and gives the directory free. */
  close(): Promise<void>;
}

/**
 * The master without its HTTP layer, going on where the last one in this directory stopped.
 * @throws ClusterRunnerError CONFLICT when another master uses the directory
 */
export async function createMaster(options: MasterOptions): Promise<Master> {
  const releasers = new Releasers();
  try {
    return await compose(options, releasers);
  } catch (error) {
    await releasers.releaseAll();
    throw error;
  }
}

async function compose(options: MasterOptions, releasers: Releasers): Promise<Master> {
  const { directory, clock, log, leaseSeconds, random } = options;
  const leaseMs = leaseSeconds * 1000;
  const resultsDirectory = join(directory, 'results');
  const consolesDirectory = join(directory, 'consoles');
  makePrivateFolder(directory);
  makePrivateFolder(resultsDirectory);
  makePrivateFolder(consolesDirectory);
  const metrics: Metrics = new Metrics(() => snapshotOf(cluster));
  const path = join(directory, 'master.db');
  const store = await openStore(path, {
    observe: (took) => metrics.commit(took),
    onOutage: (error) => noteOutage(error, path, log),
  });
  releasers.add(() => store.close());
  const time = new ForgettingTime(clock, await lastEventTime(store.db));
  const polls = new LongPolls();
  // Upkeep says four times within the time of a lease that the master listens.
  const listened = new ListenedTime(clock.monotonic(), leaseMs / 3);
  const cluster: Cluster = new Cluster({
    store,
    journal: new Journal(store, log),
    slaves: new SlavesInMemory(() => listened.read(clock.monotonic())),
    clock,
    log,
    resultsDirectory,
    resultBounds: options.resultBounds ?? defaultResultBounds,
    leaseToken: options.leaseToken ?? (() => randomBytes(TOKEN_BYTES).toString('base64url')),
    endGraceMs: options.endGraceSeconds * 1000,
    lastLease: Math.max(await lastLeaseId(store.db), leaseFloor(clock.now())),
    workAppeared: () => polls.dispatchSoon(cluster),
    newsOf: (build) => polls.newsOf(build),
    metrics,
    room: new DiskRoom(directory, clock, log, options.freeBytes ?? freeDiskBytes),
  });
  await recover(cluster).catch((error: unknown) => {
    if (error instanceof ClusterRunnerError) {
      throw error;
    }
    log.error({ err: error }, 'The memory could not be rebuilt from the store.');
    throw damaged(path, error);
  });
  const room = cluster.room;
  const packs = new Packs({
    directory: join(directory, 'packs'),
    clock,
    maxBytes: options.maxPackBytes ?? 10 * 1024 ** 3,
    requireDisk: () => room.require(),
    numSlaves: () => [...cluster.slaves.connected()].length,
    needed: () => [...cluster.builds.values()].flatMap(({ project }) => commitOf(project)),
  });
  const nonces = await Nonces.load(cluster, () => performance.now());
  const consoles = new LiveConsoles(consolesDirectory);
  const zips = new KeptZips({
    directory: join(directory, 'zips'),
    clock,
    log,
    maxBytes: options.maxZipBytes ?? 10 * 1024 ** 3,
    diskProblem: (bytes) => room.problemFor(bytes),
  });
  releasers.add(() => zips.close());
  const retention = new Retention(cluster, consoles, zips, options.retention, time);
  const kept = new KeptResults(cluster, consoles, join(directory, 'incoming'));
  const builds = new Builds(cluster, packs, kept);
  const regrouping = new Regrouping(cluster);
  const slaves = new Slaves(cluster, polls, regrouping, leaseSeconds);
  const upkeep = new Upkeep(cluster, slaves, nonces, retention, packs, regrouping, listened, time, leaseMs);
  releasers.add(() => upkeep.stop());
  releasers.add(() => polls.close());
  releasers.add(() => store.endRetries());
  const feed = new EventFeed(cluster);
  if (log.isLevelEnabled('info')) {
    const end = new AbortController();
    const logging = logEvents(feed, log, end.signal);
    releasers.add(() => {
      end.abort();
      return logging;
    });
  }
  return {
    sessionId: drawSessionId(random),
    startedAt: seconds(clock.now()),
    packs,
    zips,
    ...forSlaves(cluster, slaves, polls, consoles, regrouping, leaseMs),
    ...forReaders(cluster, builds, slaves, consoles, feed),
    createBuild: (request) => builds.create(request),
    cancelBuild: (build, gone) => builds.cancel(build, gone),
    rerunFailed: (build, requestedBy) => builds.rerunFailed(build, requestedBy),
    rememberNonce: (nonce, expires) => nonces.remember(nonce, expires),
    get problem() {
      return cluster.journal.problem ?? room.problem ?? room.unfit;
    },
    requireRoom: (bytes) => room.requireFor(bytes),
    endRetries: () => store.endRetries(),
    close: () => releasers.releaseAll(),
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
  cluster: Cluster,
  slaves: Slaves,
  polls: LongPolls,
  consoles: LiveConsoles,
  regrouping: Regrouping,
  leaseMs: number,
) {
  const handOut = new HandOut(cluster, polls, leaseMs);
  const preparation = new Preparation(cluster);
  const results = new Results(cluster, consoles, regrouping);
  return {
    drainSlaves: (ids) => slaves.drain(ids),
    registerSlave: (register) => slaves.register(register),
    goodbyeSlave: (slave) => slaves.goodbye(slave),
    askForWork: (slave, request, gone) => handOut.ask(slave, request, gone),
    reportPrepared: (slave, build, report) => preparation.prepared(slave, build, report),
    reportPreparationFailed: (slave, build, lease, error) => preparation.failed(slave, build, lease, error),
    handBack: (slave, build, subjob, handback) => takeBack(cluster, slave, build, subjob, handback),
    reportProgress: (slave, build, subjob, progress) =>
      takeProgress(cluster, consoles, slave, build, subjob, progress),
    checkResultLease: (slave, build, subjob, lease) => results.check(slave, build, subjob, lease),
    filesToAdd: (build, subjob, report) => results.filesToAdd(build, subjob, report),
    acceptResult: (slave, build, subjob, report, archive) =>
      results.accept(slave, build, subjob, report, archive),
  } satisfies Partial<Master>;
}

function forReaders(
  cluster: Cluster,
  builds: Builds,
  slaves: Slaves,
  consoles: LiveConsoles,
  feed: EventFeed,
) {
  const { metrics } = cluster;
  const reading = new Reading(cluster, builds, consoles);
  return {
    listBuilds: (page) => builds.list(page),
    listUnfinished: (page) => builds.listUnfinished(page),
    getBuild: (build) => builds.get(build),
    untilChanged: (build, what, ms, gone) => cluster.watchers.wait(cluster.clock, build, what, ms, gone),
    archiveContents: (build) => builds.archiveContents(build),
    followArchives: (build, end) => builds.followArchives(build, end),
    explain: (build) => reading.explain(build),
    listSubjobs: (build, page) => reading.listSubjobs(build, page),
    getSubjob: (build, subjob) => reading.getSubjob(build, subjob),
    listAtoms: (build, subjob, page) => reading.listAtoms(build, subjob, page),
    getAtom: (build, atom) => reading.getAtom(build, atom),
    readConsole: (build, atom, lines) => reading.readConsole(build, atom, lines),
    listSlaves: async (page) => slaves.list(page),
    getSlave: async (slave) => slaves.get(slave),
    listEvents: (after) => listEvents(cluster, after),
    followEvents: (id, end) => feed.follow(id, end),
    metrics: () => metrics.text(),
    countRequest: (method, route, status, took) => metrics.request(method, route, status, took),
  } satisfies Partial<Master>;
}

/** All that names the files that a build needs, if it is known yet. */
function commitOf(project: Project): string[] {
  return project.type === 'directory' || project.hash === null ? [] : [project.hash];
}

/** Names a run, and is no secret. */
function drawSessionId(random: () => number): string {
  return Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
}
