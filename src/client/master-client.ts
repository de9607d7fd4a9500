import { type Clock, systemClock } from '../lib/clock.js';
import type { Build, BuildRequest } from '../protocol/build/build.js';
import type { Explanation } from '../protocol/build/explanation.js';
import type { Atom, ConsolePage } from '../protocol/build/work.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import type { Event } from '../protocol/event.js';
import type { AtomId, BuildId, SlaveId, SubjobId } from '../protocol/ids.js';
import type { Pack } from '../protocol/pack.js';
import type { QueryOf, ResponseOf } from '../protocol/route.js';
import { routes } from '../protocol/routes.js';
import type {
  Handback,
  LeaseRef,
  Prepared,
  Progress,
  Register,
  ResultReport,
  WorkRequest,
  WorkResponse,
} from '../protocol/slave/slave-messages.js';
import type { CallOptions } from './call.js';
import { Connection, type ConnectionOptions, type OpenedStream } from './connection.js';
import { eventsOf, type FollowEventsOptions } from './event-stream.js';
import { openResumingDownload } from './resuming-download.js';

export { parseMasterUrl } from './master-url.js';
export type MasterClientOptions = ConnectionOptions;
export type PageQuery = QueryOf<typeof routes.listBuilds>;
export type ConsoleQuery = QueryOf<typeof routes.getConsole>;

export interface WatchQuery {
  /** Longest that the master holds the question, in seconds; at most 60. */
  readonly waitSeconds: number;
  /** What to wait for: any change since `etag`, or the end of the build. */
  readonly until: 'change' | 'end';
  /** Of the answer before; null at first. */
  readonly etag: string | null;
}

/** `build` is null when it is still what it was; `etag` null when the master does not know how to wait. */
export interface Watched {
  readonly build: Build | null;
  readonly etag: string | null;
}

/**
 * Typed client of the master's API. It signs every request that needs it, in the parts' form.
 *
 * Every method rejects with ClusterRunnerError: the master's own code and sentence when it answered,
 * MASTER_UNREACHABLE when it did not; and with the signal's reason when the call was aborted. It tries once;
 * `retry` is for the caller who knows how long to go on.
 */
export class MasterClient {
  readonly #connection: Connection;
  readonly #clock: Clock;

  /** @throws ClusterRunnerError USAGE when `url` is not an absolute http(s) URL. */
  constructor(options: MasterClientOptions) {
    this.#connection = new Connection(options);
    this.#clock = options.clock ?? systemClock;
  }

  /** A master that is older is asked without what it does not know and only shows to people. */
  createBuild(body: BuildRequest, options?: CallOptions): Promise<{ build_id: BuildId }> {
    const { requested_by: _, ...unsigned } = body;
    const { revision: __, ...bare } = unsigned;
    const ways = [body, ...(body.requested_by === undefined ? [] : [unsigned])];
    return unlessRefused(body.revision === undefined ? ways : [...ways, bare], (request) =>
      this.#connection.call(routes.createBuild, { params: {}, body: request }, options),
    );
  }

  /** A build of those atoms of an ended one that failed or were lost. `requestedBy` is as in a BuildRequest. */
  rerunFailed(
    buildId: BuildId,
    options?: CallOptions & { readonly requestedBy?: string },
  ): Promise<{ build_id: BuildId }> {
    const named = options?.requestedBy === undefined ? [] : [{ requested_by: options.requestedBy }];
    return unlessRefused([...named, {}], (body) =>
      this.#connection.call(routes.rerunFailed, { params: { buildId }, body }, options),
    );
  }

  async getBuild(buildId: BuildId, options?: CallOptions): Promise<Build> {
    const input = { params: { buildId }, body: undefined };
    return (await this.#connection.call(routes.getBuild, input, options)).build;
  }

  /** Waits at the master until the build has changed or ended, so that one question sees what many would ask for. */
  async watchBuild(buildId: BuildId, watch: WatchQuery, options?: CallOptions): Promise<Watched> {
    const query = { wait: watch.waitSeconds, until: watch.until };
    const input = { params: { buildId }, query, body: undefined };
    const { answer, etag } = await this.#connection.callIfChanged(
      routes.getBuild,
      input,
      watch.etag,
      options,
      watch.waitSeconds,
    );
    return { build: answer?.build ?? null, etag };
  }

  /** Oldest first. */
  listBuilds(query: PageQuery, options?: CallOptions): Promise<ResponseOf<typeof routes.listBuilds>> {
    return this.#connection.call(routes.listBuilds, { params: {}, query, body: undefined }, options);
  }

  /** Builds that have not ended, oldest first. */
  listUnfinished(query: PageQuery, options?: CallOptions): Promise<ResponseOf<typeof routes.queue>> {
    return this.#connection.call(routes.queue, { params: {}, query, body: undefined }, options);
  }

  /** Why the build is not done yet. */
  async explainBuild(buildId: BuildId, options?: CallOptions): Promise<Explanation> {
    const input = { params: { buildId }, body: undefined };
    return (await this.#connection.call(routes.explainBuild, input, options)).explanation;
  }

  listAtoms(
    buildId: BuildId,
    query: PageQuery,
    options?: CallOptions,
  ): Promise<ResponseOf<typeof routes.listAtoms>> {
    return this.#connection.call(routes.listAtoms, { params: { buildId }, query, body: undefined }, options);
  }

  async getAtom(buildId: BuildId, atomId: AtomId, options?: CallOptions): Promise<Atom> {
    const input = { params: { buildId, atomId }, body: undefined };
    return (await this.#connection.call(routes.getAtom, input, options)).atom;
  }

  /** A page of what an atom printed; while it runs, of what it has printed so far. */
  getConsole(
    buildId: BuildId,
    atomId: AtomId,
    query: ConsoleQuery,
    options?: CallOptions,
  ): Promise<ConsolePage> {
    const input = { params: { buildId, atomId }, query, body: undefined };
    return this.#connection.call(routes.getConsole, input, options);
  }

  listSlaves(query: PageQuery, options?: CallOptions): Promise<ResponseOf<typeof routes.listSlaves>> {
    return this.#connection.call(routes.listSlaves, { params: {}, query, body: undefined }, options);
  }

  /**
   * What happens, as it happens, until the master ends the stream. Who wants to go on after a break asks again with
   * the last id that came: no event is missed.
   */
  followEvents(options: FollowEventsOptions = {}): AsyncGenerator<Event> {
    return eventsOf(this.#connection, options);
  }

  /** Resolves with the slaves that now drain: they finish what they run, take no more, and exit. */
  async drainSlaves(slaves: readonly SlaveId[] | 'all', options?: CallOptions): Promise<SlaveId[]> {
    const body = slaves === 'all' ? { shutdown_all: true as const } : { slaves: [...slaves] };
    return (await this.#connection.call(routes.shutdownSlaves, { params: {}, body }, options)).slave_ids;
  }

  /** Resolves with the build as it is afterwards; one that has ended already stays as it was. */
  async cancelBuild(buildId: BuildId, options?: CallOptions): Promise<Build> {
    const body = { status: 'canceled' } as const;
    return (await this.#connection.call(routes.updateBuild, { params: { buildId }, body }, options)).build;
  }

  /** The build's `tar.gz`. A download that breaks off goes on where it was. */
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
   * The same of a build that still runs: what has arrived, and the rest as it arrives. One that breaks off is to be
   * fetched from its beginning when the build has ended. A master of an older version refuses it (INVALID_REQUEST).
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

  /** The timeout counts from the end of the wait that the question itself asks for. */
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

  async handBackPreparation(slaveId: SlaveId, buildId: BuildId, body: Handback, options?: CallOptions) {
    await this.#connection.call(routes.handBackPreparation, { params: { slaveId, buildId }, body }, options);
  }

  async handBack(
    slaveId: SlaveId,
    buildId: BuildId,
    subjobId: SubjobId,
    body: Handback,
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

  /** Which of the commits (1000 at most) the master passes on, and how many slaves are there to take them. */
  knownPacks(
    commits: readonly string[],
    options?: CallOptions,
  ): Promise<ResponseOf<typeof routes.knownPacks>> {
    return this.#connection.call(routes.knownPacks, { params: {}, body: { commits: [...commits] } }, options);
  }

  /** The chain of bundles of a commit, newest first; empty when the master does not have it. */
  async getPack(commit: string, options?: CallOptions): Promise<Pack[]> {
    return (await this.#connection.call(routes.getPack, { params: { commit }, body: undefined }, options))
      .packs;
  }

  openPack(commit: string, options?: CallOptions): Promise<OpenedStream> {
    return this.#connection.open(routes.getPackContent, { params: { commit }, body: undefined }, options);
  }

  /** Streams a git bundle of `commit` from its file; it builds on `base`, or is whole. */
  async sendPack(commit: string, base: string | null, file: string, options?: CallOptions): Promise<void> {
    const query = base === null ? {} : { base };
    const input = { params: { commit }, query, body: undefined };
    await this.#connection.upload(routes.putPack, input, Buffer.alloc(0), file, options);
  }

  /** Closes its connections; calls that are under way are cut off. */
  close(): Promise<void> {
    return this.#connection.close();
  }
}

/** Asks in the first way; in the next, which leaves something out, when the master refuses what it does not know. */
async function unlessRefused<Request, Answer>(
  ways: readonly Request[],
  ask: (request: Request) => Promise<Answer>,
): Promise<Answer> {
  const [request, ...others] = ways;
  if (request === undefined) {
    throw new Error('There is no way to ask.');
  }
  try {
    return await ask(request);
  } catch (error) {
    const isRefused = error instanceof ClusterRunnerError && error.code === 'INVALID_REQUEST';
    if (!isRefused || others.length === 0) {
      throw error;
    }
    return unlessRefused(others, ask);
  }
}
