import { type Clock, systemClock } from '../lib/clock.js';
import type { Build, BuildRequest } from '../protocol/build/build.js';
import type { ConsoleSearch } from '../protocol/build/console-search.js';
import type { Explanation } from '../protocol/build/explanation.js';
import type { AtomHistoryWithDays, JobTrend } from '../protocol/build/history.js';
import type { Timeline } from '../protocol/build/timeline.js';
import type { Atom, ConsolePage } from '../protocol/build/work.js';
import type { BundleInfo } from '../protocol/bundle.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import type { Event } from '../protocol/event.js';
import type { AtomId, BuildId, JobId, SlaveId, SubjobId } from '../protocol/ids.js';
import type { QueryOf, ResponseOf } from '../protocol/route.js';
import { routes } from '../protocol/routes.js';
import type {
  LeaseRef,
  Prepared,
  Progress,
  Register,
  ResultReport,
  ReturnedLease,
  WorkRequest,
  WorkResponse,
} from '../protocol/slave/slave-messages.js';
import type { CallOptions } from './call.js';
import { Connection, type ConnectionOptions, type OpenedStream } from './connection.js';
import { eventsOf, type FollowEventsOptions } from './event-stream.js';
import { openResumingDownload } from './resuming-download.js';

export { parseMasterUrl } from './master-url.js';
export type MasterClientOptions = ConnectionOptions;
export type PageQuery = QueryOf<typeof routes.listSlaves>;
export type BuildsQuery = QueryOf<typeof routes.listBuilds>;
export type AtomsQuery = QueryOf<typeof routes.listAtoms>;
export type ConsoleQuery = QueryOf<typeof routes.getConsole>;
export type ConsoleSearchQuery = QueryOf<typeof routes.searchConsole>;

export type JobsQuery = QueryOf<typeof routes.listJobs>;
export type JobAtomsQuery = QueryOf<typeof routes.listJobAtoms>;

export interface WatchQuery {
  /** How long the master holds the request, in seconds; at most 60. */
  readonly waitSeconds: number;
  /** Waits for any change since `etag`, or for the end of the build. */
  readonly until: 'change' | 'end';
  /** The ETag of the previous response; null at first. */
  readonly etag: string | null;
}

/** `build` is null when it has not changed; `etag` is null when the master is too old to wait. */
export interface Watched {
  readonly build: Build | null;
  readonly etag: string | null;
}

/**
 * Typed client of the master's API. It signs every request that needs it.
 *
 * Every method rejects with ClusterRunnerError: the code and message of the master's response, or MASTER_UNREACHABLE without
 * one; and with the signal's reason when the call is aborted. A call is tried once; see `retry`.
 */
export class MasterClient {
  readonly #connection: Connection;
  readonly #clock: Clock;

  /** @throws ClusterRunnerError USAGE when `url` is not an absolute http(s) URL. */
  constructor(options: MasterClientOptions) {
    this.#connection = new Connection(options);
    this.#clock = options.clock ?? systemClock;
  }

  /** For an older master, fields that it does not know and that are only shown to people are left out. */
  createBuild(body: BuildRequest, options?: CallOptions): Promise<{ build_id: BuildId }> {
    const { requested_by: _, ...unsigned } = body;
    const { revision: __, ...bare } = unsigned;
    const requests = [body, ...(body.requested_by === undefined ? [] : [unsigned])];
    return firstAccepted(body.revision === undefined ? requests : [...requests, bare], (request) =>
      this.#connection.call(routes.createBuild, { params: {}, body: request }, options),
    );
  }

  /** Creates a build of the failed and lost atoms of an ended one. `requestedBy` is as in a BuildRequest. */
  rerunFailed(
    buildId: BuildId,
    options?: CallOptions & { readonly requestedBy?: string },
  ): Promise<{ build_id: BuildId }> {
    const named = options?.requestedBy === undefined ? [] : [{ requested_by: options.requestedBy }];
    return firstAccepted([...named, {}], (body) =>
      this.#connection.call(routes.rerunFailed, { params: { buildId }, body }, options),
    );
  }

  getVersion(options?: CallOptions): Promise<ResponseOf<typeof routes.version>> {
    return this.#connection.call(routes.version, { params: {}, body: undefined }, options);
  }

  /** Creates a build of all atoms of an ended one. `requestedBy` is as in a BuildRequest. */
  rerunAll(
    buildId: BuildId,
    options?: CallOptions & { readonly requestedBy?: string },
  ): Promise<{ build_id: BuildId }> {
    const named = options?.requestedBy === undefined ? {} : { requested_by: options.requestedBy };
    const body = { atoms: 'all', ...named } as const;
    return this.#connection.call(routes.rerunFailed, { params: { buildId }, body }, options);
  }

  async getBuild(buildId: BuildId, options?: CallOptions): Promise<Build> {
    const input = { params: { buildId }, body: undefined };
    return (await this.#connection.call(routes.getBuild, input, options)).build;
  }

  /** Long poll: resolves when the build has changed or ended, or after `waitSeconds`. */
  async watchBuild(buildId: BuildId, watch: WatchQuery, options?: CallOptions): Promise<Watched> {
    const query = { wait: watch.waitSeconds, until: watch.until };
    const input = { params: { buildId }, query, body: undefined };
    const { response, etag } = await this.#connection.callIfChanged(
      routes.getBuild,
      input,
      watch.etag,
      options,
      watch.waitSeconds,
    );
    return { build: response?.build ?? null, etag };
  }

  /** Oldest first unless the query says otherwise. A master of an older version ignores parameters that it does not know. */
  listBuilds(query: BuildsQuery, options?: CallOptions): Promise<ResponseOf<typeof routes.listBuilds>> {
    return this.#connection.call(routes.listBuilds, { params: {}, query, body: undefined }, options);
  }

  /** Builds that have not ended, oldest first. */
  listUnfinished(
    query: QueryOf<typeof routes.queue>,
    options?: CallOptions,
  ): Promise<ResponseOf<typeof routes.queue>> {
    return this.#connection.call(routes.queue, { params: {}, query, body: undefined }, options);
  }

  /** Why the build has not ended. */
  async explainBuild(buildId: BuildId, options?: CallOptions): Promise<Explanation> {
    const input = { params: { buildId }, body: undefined };
    return (await this.#connection.call(routes.explainBuild, input, options)).explanation;
  }

  listAtoms(
    buildId: BuildId,
    query: AtomsQuery,
    options?: CallOptions,
  ): Promise<ResponseOf<typeof routes.listAtoms>> {
    return this.#connection.call(routes.listAtoms, { params: { buildId }, query, body: undefined }, options);
  }

  /** The failed atoms in groups whose outputs end alike, the largest group first. */
  listFailureGroups(
    buildId: BuildId,
    query: QueryOf<typeof routes.listFailureGroups>,
    options?: CallOptions,
  ): Promise<ResponseOf<typeof routes.listFailureGroups>> {
    const input = { params: { buildId }, query, body: undefined };
    return this.#connection.call(routes.listFailureGroups, input, options);
  }

  /**
   * Which executor did what when. `since` is the cursor of the last response: its atoms that are not in this one have not
   * changed, unless this one is `whole`.
   */
  getTimeline(buildId: BuildId, since?: string, options?: CallOptions): Promise<Timeline> {
    const query = since === undefined ? {} : { since };
    const input = { params: { buildId }, query, body: undefined };
    return this.#connection.call(routes.getTimeline, input, options);
  }

  async getAtom(buildId: BuildId, atomId: AtomId, options?: CallOptions): Promise<Atom> {
    const input = { params: { buildId, atomId }, body: undefined };
    return (await this.#connection.call(routes.getAtom, input, options)).atom;
  }

  /** A page of an atom's console; while the atom runs, of what it has printed so far. */
  getConsole(
    buildId: BuildId,
    atomId: AtomId,
    query: ConsoleQuery,
    options?: CallOptions,
  ): Promise<ConsolePage> {
    const input = { params: { buildId, atomId }, query, body: undefined };
    return this.#connection.call(routes.getConsole, input, options);
  }

  /**
   * The lines of an atom's console that match. It responds after a second or so; unless it is `done`, the search goes on with
   * `scanned_to_line` as `from_line`.
   */
  searchConsole(
    buildId: BuildId,
    atomId: AtomId,
    query: ConsoleSearchQuery,
    options?: CallOptions,
  ): Promise<ConsoleSearch> {
    const input = { params: { buildId, atomId }, query, body: undefined };
    return this.#connection.call(routes.searchConsole, input, options);
  }

  /** The jobs in the history, that of the newest build first. */
  listJobs(query: JobsQuery, options?: CallOptions): Promise<ResponseOf<typeof routes.listJobs>> {
    return this.#connection.call(routes.listJobs, { params: {}, query, body: undefined }, options);
  }

  async getJob(jobId: JobId, options?: CallOptions): Promise<JobTrend> {
    return (await this.#connection.call(routes.getJob, { params: { jobId }, body: undefined }, options)).job;
  }

  /** The ended builds of a job, newest first, also those that were deleted. */
  listJobBuilds(
    jobId: JobId,
    query: PageQuery,
    options?: CallOptions,
  ): Promise<ResponseOf<typeof routes.listJobBuilds>> {
    const input = { params: { jobId }, query, body: undefined };
    return this.#connection.call(routes.listJobBuilds, input, options);
  }

  /** The atoms of a job with their newest runs. */
  listJobAtoms(
    jobId: JobId,
    query: JobAtomsQuery,
    options?: CallOptions,
  ): Promise<ResponseOf<typeof routes.listJobAtoms>> {
    const input = { params: { jobId }, query, body: undefined };
    return this.#connection.call(routes.listJobAtoms, input, options);
  }

  /** The history of one atom, by its `name` in the list. */
  async getAtomHistory(jobId: JobId, name: string, options?: CallOptions): Promise<AtomHistoryWithDays> {
    const input = { params: { jobId }, query: { name }, body: undefined };
    return (await this.#connection.call(routes.getAtomHistory, input, options)).atom;
  }

  /** The history of an atom of a build. null for what is not recorded. */
  getHistoryOfAtom(
    buildId: BuildId,
    atomId: AtomId,
    options?: CallOptions,
  ): Promise<ResponseOf<typeof routes.getHistoryOfAtom>> {
    const input = { params: { buildId, atomId }, body: undefined };
    return this.#connection.call(routes.getHistoryOfAtom, input, options);
  }

  /** The load of the executors in each minute of the last hours. */
  getUtilization(
    query: QueryOf<typeof routes.utilization> = {},
    options?: CallOptions,
  ): Promise<ResponseOf<typeof routes.utilization>> {
    return this.#connection.call(routes.utilization, { params: {}, query, body: undefined }, options);
  }

  listSlaves(
    query: QueryOf<typeof routes.listSlaves>,
    options?: CallOptions,
  ): Promise<ResponseOf<typeof routes.listSlaves>> {
    return this.#connection.call(routes.listSlaves, { params: {}, query, body: undefined }, options);
  }

  /**
   * The events as they happen, until the master ends the stream. Following again with the last id as `sinceId` misses no event.
   */
  followEvents(options: FollowEventsOptions = {}): AsyncGenerator<Event> {
    return eventsOf(this.#connection, options);
  }

  /** Resolves with the slaves that drain now: they finish their work, take no more, and exit. */
  async drainSlaves(slaves: readonly SlaveId[] | 'all', options?: CallOptions): Promise<SlaveId[]> {
    const body = slaves === 'all' ? { shutdown_all: true as const } : { slaves: [...slaves] };
    return (await this.#connection.call(routes.shutdownSlaves, { params: {}, body }, options)).slave_ids;
  }

  /** Resolves with the build after that; an ended build does not change. */
  async cancelBuild(buildId: BuildId, options?: CallOptions): Promise<Build> {
    const body = { status: 'canceled' } as const;
    return (await this.#connection.call(routes.updateBuild, { params: { buildId }, body }, options)).build;
  }

  /** The `tar.gz` of the build. A download that breaks off is resumed. */
  openArtifacts(buildId: BuildId, options?: CallOptions): Promise<OpenedStream> {
    const input = { params: { buildId }, body: undefined };
    return openResumingDownload({
      open: (headers) => this.#connection.open(routes.getArtifactsTar, input, options, headers),
      clock: this.#clock,
      random: Math.random,
      signal: options?.signal ?? new AbortController().signal,
    });
  }

  /**
   * The results of a running build: those that have arrived, and the others as they arrive. After a break they must be fetched
   * from the beginning when the build has ended. Older masters refuse it (INVALID_REQUEST).
   */
  followArtifacts(buildId: BuildId, options?: CallOptions): Promise<OpenedStream> {
    const input = { params: { buildId }, query: { until: 'end' as const }, body: undefined };
    return this.#connection.open(routes.getArtifactsTar, input, options);
  }

  registerSlave(body: Register, options?: CallOptions): Promise<ResponseOf<typeof routes.registerSlave>> {
    return this.#connection.call(routes.registerSlave, { params: {}, body }, options);
  }

  async goodbyeSlave(slaveId: SlaveId, options?: CallOptions): Promise<void> {
    await this.#connection.call(routes.goodbyeSlave, { params: { slaveId }, body: undefined }, options);
  }

  /** A long poll; the timeout is added to its `wait_seconds`. */
  askForWork(slaveId: SlaveId, body: WorkRequest, options?: CallOptions): Promise<WorkResponse> {
    return this.#connection.call(
      routes.askForWork,
      { params: { slaveId }, body },
      options,
      body.wait_seconds,
    );
  }

  async reportPrepared(slaveId: SlaveId, buildId: BuildId, body: Prepared, options?: CallOptions) {
    await this.#connection.call(routes.reportPrepared, { params: { slaveId, buildId }, body }, options);
  }

  async reportPreparationFailed(
    slaveId: SlaveId,
    buildId: BuildId,
    body: { lease: LeaseRef; error: string },
    options?: CallOptions,
  ) {
    const params = { slaveId, buildId };
    await this.#connection.call(routes.reportPreparationFailed, { params, body }, options);
  }

  async returnPreparation(slaveId: SlaveId, buildId: BuildId, body: ReturnedLease, options?: CallOptions) {
    await this.#connection.call(routes.handBackPreparation, { params: { slaveId, buildId }, body }, options);
  }

  async returnLease(
    slaveId: SlaveId,
    buildId: BuildId,
    subjobId: SubjobId,
    body: ReturnedLease,
    options?: CallOptions,
  ) {
    await this.#connection.call(routes.handBack, { params: { slaveId, buildId, subjobId }, body }, options);
  }

  async reportProgress(
    slaveId: SlaveId,
    buildId: BuildId,
    subjobId: SubjobId,
    body: Progress,
    options?: CallOptions,
  ) {
    const params = { slaveId, buildId, subjobId };
    await this.#connection.call(routes.reportProgress, { params, body }, options);
  }

  /** Streams the archive from its file. */
  async deliverResult(
    slaveId: SlaveId,
    buildId: BuildId,
    subjobId: SubjobId,
    report: ResultReport,
    archiveFile: string,
    options?: CallOptions,
  ): Promise<void> {
    const head = Buffer.from(JSON.stringify(report));
    const input = {
      params: { slaveId, buildId, subjobId },
      query: { report_bytes: head.length },
      body: undefined,
    };
    await this.#connection.upload(routes.deliverResult, input, head, archiveFile, options);
  }

  /** Which of the commits (1000 at most) the master has bundles of, and how many slaves are connected. */
  knownPacks(
    commits: readonly string[],
    options?: CallOptions,
  ): Promise<ResponseOf<typeof routes.knownPacks>> {
    return this.#connection.call(routes.knownPacks, { params: {}, body: { commits: [...commits] } }, options);
  }

  /** The bundles that lead to a commit, newest first; empty when the master does not have it. */
  async getPack(commit: string, options?: CallOptions): Promise<BundleInfo[]> {
    return (await this.#connection.call(routes.getPack, { params: { commit }, body: undefined }, options))
      .packs;
  }

  openPack(commit: string, options?: CallOptions): Promise<OpenedStream> {
    return this.#connection.open(routes.getPackContent, { params: { commit }, body: undefined }, options);
  }

  /** Streams a git bundle of `commit` from its file; it requires `base`, unless that is null. */
  async sendPack(commit: string, base: string | null, file: string, options?: CallOptions): Promise<void> {
    const query = base === null ? {} : { base };
    const input = { params: { commit }, query, body: undefined };
    await this.#connection.upload(routes.putPack, input, Buffer.alloc(0), file, options);
  }

  /** Closes all connections; open calls are aborted. */
  close(): Promise<void> {
    return this.#connection.close();
  }
}

/** Sends the first request, and the next one, which leaves something out, when the master refuses an unknown field. */
async function firstAccepted<Request, Response>(
  requests: readonly Request[],
  send: (request: Request) => Promise<Response>,
): Promise<Response> {
  const [request, ...others] = requests;
  if (request === undefined) {
    throw new Error('There is no request to send.');
  }
  try {
    return await send(request);
  } catch (error) {
    const isRefused = error instanceof ClusterRunnerError && error.code === 'INVALID_REQUEST';
    if (!isRefused || others.length === 0) {
      throw error;
    }
    return firstAccepted(others, send);
  }
}
