import { readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { subjobOfArchive } from '../../src/master/archives/archive-files.js';
import type {
  AddedFile,
  ArchiveContents,
  BuildsPage,
  ConsoleLines,
  ConsoleSearchRequest,
  EventsAfter,
  ListedSlaves,
  MasterReading,
  MasterService,
  MasterZips,
  Page,
  Queue,
  ReceivedResult,
  SubjobArchives,
  TimelineParts,
} from '../../src/master/state/master-api.js';
import { Bars } from '../../src/master/views/timeline/bars.js';
import type { Build, BuildRequest } from '../../src/protocol/build/build.js';
import type { ConsoleSearch } from '../../src/protocol/build/console-search.js';
import type { Explanation } from '../../src/protocol/build/explanation.js';
import type { FailureGroup } from '../../src/protocol/build/failure-group.js';
import type { Atom, ConsolePage, Subjob } from '../../src/protocol/build/work.js';
import { ClusterRunnerError } from '../../src/protocol/errors.js';
import type { Event } from '../../src/protocol/event.js';
import { type AtomId, type BuildId, type SlaveId, type SubjobId, toId } from '../../src/protocol/ids.js';
import { noFacts } from '../../src/protocol/results/result-facts.js';
import type {
  LeaseRef,
  Prepared,
  Progress,
  Register,
  ResultReport,
  ReturnedLease,
  Slave,
  WorkRequest,
  WorkResponse,
} from '../../src/protocol/slave/slave-messages.js';
import type { Utilization } from '../../src/protocol/slave/utilization-columns.js';
import { FakeBundles } from './fake-bundles.js';
import { emptyHistory } from './fake-history.js';

/** A change by a caller, in the order of the calls. */
export interface Change {
  readonly what: string;
  readonly slave?: SlaveId;
  readonly build?: BuildId;
  readonly subjob?: SubjobId | null;
  readonly said?: unknown;
}

export const noWork: WorkResponse = { assignments: [], cancel: [], release: [], drain: false };

/**
 * A MasterService and MasterReading in memory. It checks that builds, slaves and leases exist, records all calls in
 * `changes`, and schedules nothing: a test sets the responses of `askForWork` with `respondWithWork`.
 */
export class FakeService implements MasterService, MasterReading {
  readonly sessionId = 'fake-session';
  readonly startedAt = 1_700_000_000;
  problem: string | null = null;
  readonly arePast = false;
  /** Free space on its disk. */
  freeBytes = Number.POSITIVE_INFINITY;
  readonly bundles = new FakeBundles();
  /** Keeps none, unless a test sets another. */
  zips: MasterZips = { open: async () => null };
  readonly listJobs = emptyHistory.listJobs;
  readonly getJob = emptyHistory.getJob;
  readonly listJobBuilds = emptyHistory.listJobBuilds;
  readonly listJobAtoms = emptyHistory.listJobAtoms;
  readonly getAtomHistory = emptyHistory.getAtomHistory;
  readonly historyOfAtom = emptyHistory.historyOfAtom;
  readonly changes: Change[] = [];
  readonly builds = new Map<BuildId, Build>();
  readonly slaves = new Map<SlaveId, Slave>();
  readonly archives = new Map<BuildId, ArchiveContents>();
  /** The archives that arrive for an unfinished build; none unless a test sets them. */
  arriving: (end: AbortSignal) => AsyncIterable<readonly string[]> = async function* (end) {
    yield [];
    await new Promise<void>((resolve) => end.addEventListener('abort', () => resolve()));
  };
  /** Leases whose results are accepted; any other is STALE_LEASE. */
  readonly leases = new Set<number>();
  /** Bytes of the archives that were accepted, by `build/subjob`. */
  readonly accepted = new Map<string, Buffer>();
  /** Why poll requests were aborted. */
  readonly gone: unknown[] = [];
  /** By build. */
  readonly subjobs = new Map<BuildId, Subjob[]>();
  /** By `build/atom`, line by line. */
  readonly consoles = new Map<string, string[]>();
  readonly events: Event[] = [];
  /** Counted requests, as `method route status`. */
  readonly counted: string[] = [];
  /** How many callers wait for a change or for events now. */
  watching = 0;
  /** Emits `changed` when a test announces a change. */
  readonly changing = new EventTarget();
  /** Thrown by every reading method while it is set. */
  broken: Error | null = null;
  /** The response to every result, if set. */
  resultRefusal: Error | null = null;
  readonly #nonces = new Set<string>();
  readonly #work: WorkResponse[] = [];
  /** Held poll requests, oldest first. */
  readonly #held = new Set<(response: WorkResponse) => void>();

  /** The number of held poll requests. */
  get waiting(): number {
    return this.#held.size;
  }

  /** Responds to the newest held poll request, or else to the next one; others are held until their client is gone. */
  respondWithWork(response: WorkResponse): void {
    const newest = [...this.#held].at(-1);
    if (newest === undefined) {
      this.#work.push(response);
    } else {
      newest(response);
    }
  }

  /** For `createApp`. */
  readonly rememberNonce = (nonce: string): boolean => {
    const isNew = !this.#nonces.has(nonce);
    this.#nonces.add(nonce);
    return isNew;
  };

  async createBuild(request: BuildRequest): Promise<BuildId> {
    const id = toId.build(this.builds.size + 1);
    this.builds.set(id, fakeBuild(id, request));
    this.changes.push({ what: 'createBuild', build: id, said: request });
    return id;
  }

  async listBuilds({ offset, limit, after }: BuildsPage): Promise<{ builds: Build[]; total: number }> {
    this.#requireNotBroken();
    const all = [...this.builds.values()];
    const begin = after === undefined ? offset : all.filter(({ id }) => id <= after).length;
    return { builds: all.slice(begin, begin + limit), total: all.length };
  }

  async listChosenBuilds(chosen: readonly BuildId[]): Promise<Build[]> {
    return chosen.flatMap((id) => this.builds.get(id) ?? []);
  }

  async buildsOfJob() {
    return [];
  }

  /** All match. */
  async searchBuilds(_: unknown, { after, limit }: { after: number; limit: number }) {
    const next = [...this.builds.keys()].filter((id) => id > after).slice(0, limit);
    return next.map((id) => ({ id, matches: 1 }));
  }

  async getBuild(build: BuildId): Promise<Build> {
    this.#requireNotBroken();
    const found = this.builds.get(build);
    if (found === undefined) {
      throw new ClusterRunnerError('NOT_FOUND', `There is no build ${build}; GET /v1/build lists them.`);
    }
    return found;
  }

  async cancelBuild(build: BuildId): Promise<Build> {
    const canceled: Build = {
      ...(await this.getBuild(build)),
      status: 'FAILURE',
      state: 'CANCELED',
      result: 'FAILURE',
      error_message: 'The build was canceled.',
    };
    this.builds.set(build, canceled);
    this.changes.push({ what: 'cancelBuild', build });
    return canceled;
  }

  async rerun(build: BuildId): Promise<BuildId> {
    return this.createBuild((await this.getBuild(build)).request_params);
  }

  async archivesOfSubjob(build: BuildId, subjob: SubjobId): Promise<SubjobArchives> {
    const contents = await this.archiveContents(build);
    const files = (contents?.files ?? []).filter((file) => subjobOfArchive(file) === String(subjob));
    return { files, isOver: contents !== null };
  }

  async archiveContents(build: BuildId): Promise<ArchiveContents | null> {
    await this.getBuild(build);
    return this.archives.get(build) ?? null;
  }

  async followArchives(build: BuildId, end: AbortSignal): Promise<AsyncIterable<readonly string[]> | null> {
    await this.getBuild(build);
    return this.archives.has(build) ? null : this.arriving(end);
  }

  async listSlaves({ offset, limit }: Page): Promise<ListedSlaves> {
    this.#requireNotBroken();
    return { slaves: [...this.slaves.values()].slice(offset, offset + limit), total: this.slaves.size };
  }

  async utilization(): Promise<Utilization> {
    return { at: [], num_executors: [], num_executors_busy: [], num_waiting: [] };
  }

  async getSlave(slave: SlaveId): Promise<Slave> {
    const found = this.slaves.get(slave);
    if (found === undefined) {
      throw new ClusterRunnerError('NOT_FOUND', `There is no slave ${slave}; GET /v1/slave lists them.`);
    }
    return found;
  }

  async drainSlaves(slaves: readonly SlaveId[] | 'all'): Promise<SlaveId[]> {
    const ids = slaves === 'all' ? [...this.slaves.keys()] : [...slaves];
    const found = await Promise.all(ids.map((id) => this.getSlave(id)));
    for (const slave of found) {
      this.slaves.set(slave.id, { ...slave, state: 'DRAINING' });
    }
    this.changes.push({ what: 'drainSlaves', said: ids });
    return ids;
  }

  async listUnfinished({ offset, limit }: Page): Promise<{ builds: Build[]; total: number }> {
    this.#requireNotBroken();
    const builds = [...this.builds.values()].filter(({ status }) => status === 'BUILDING');
    return { builds: builds.slice(offset, offset + limit), total: builds.length };
  }

  async queue(page: Page): Promise<Queue> {
    const listed = await this.listUnfinished(page);
    return { ...listed, waiting: { num_executors: 0, num_executors_busy: 0, builds: [] } };
  }

  /** Wakes every waiting request. */
  announce(): void {
    this.changing.dispatchEvent(new globalThis.Event('changed'));
  }

  async untilChanged(_build: BuildId, _what: 'change' | 'end', ms: number, gone: AbortSignal): Promise<void> {
    const over = new AbortController();
    const stop = AbortSignal.any([gone, over.signal]);
    const changed = new Promise<void>((resolve) => {
      this.changing.addEventListener('changed', () => resolve(), { once: true, signal: stop });
      stop.addEventListener('abort', () => resolve(), { once: true });
      if (stop.aborted) {
        resolve();
      }
    });
    this.watching += 1;
    await Promise.race([changed, delay(ms, undefined, { signal: stop }).catch(() => undefined)]);
    this.watching -= 1;
    over.abort();
  }

  async explain(build: BuildId): Promise<Explanation> {
    const { state } = await this.getBuild(build);
    return {
      build_id: build,
      state,
      reasons: [{ reason: 'NO_SLAVE', text: 'No slave is connected.' }],
      num_executors: 0,
      num_executors_busy: 0,
      builds: [],
      running: [],
    };
  }

  async listSubjobs(build: BuildId, { offset, limit }: Page): Promise<{ subjobs: Subjob[]; total: number }> {
    const subjobs = await this.#subjobsOf(build);
    return { subjobs: subjobs.slice(offset, offset + limit), total: subjobs.length };
  }

  async getSubjob(build: BuildId, subjob: SubjobId): Promise<Subjob> {
    const found = (await this.#subjobsOf(build)).find(({ id }) => id === subjob);
    if (found === undefined) {
      throw new ClusterRunnerError('NOT_FOUND', `Build ${build} has no subjob ${subjob}.`);
    }
    return found;
  }

  async listAtoms(
    build: BuildId,
    subjob: SubjobId | null,
    { offset, limit }: Page,
  ): Promise<{ atoms: Atom[]; total: number }> {
    const subjobs = subjob === null ? await this.#subjobsOf(build) : [await this.getSubjob(build, subjob)];
    const atoms = subjobs.flatMap((one) => one.atoms);
    return { atoms: atoms.slice(offset, offset + limit), total: atoms.length };
  }

  /** All match, and have no value to be sorted by. */
  async searchAtoms(build: BuildId, _: unknown, __: unknown, { from, to }: { from: number; to: number }) {
    const { atoms, total } = await this.listAtoms(build, null, { offset: from, limit: to - from });
    return { found: atoms.map(({ id }) => ({ id, key: null, total: atoms.length })), numAtoms: total };
  }

  async chosenAtoms(build: BuildId, chosen: readonly AtomId[]): Promise<Atom[]> {
    return Promise.all(chosen.map((id) => this.getAtom(build, id)));
  }

  /** Every build waits. */
  async readTimeline(build: BuildId): Promise<TimelineParts> {
    await this.getBuild(build);
    const none = new Bars().sorted(0, () => 0);
    return {
      now: this.startedAt,
      begins: this.startedAt,
      ends: null,
      complete: false,
      whole: true,
      num_unplaced: 0,
      preparations: [],
      executors: [],
      states: [],
      ends_of_fruitless: [],
      count: 0,
      atoms: none,
      retried: none,
      setups: none,
      fruitless: none,
    };
  }

  async getAtom(build: BuildId, atom: AtomId): Promise<Atom> {
    const found = (await this.#subjobsOf(build)).flatMap(({ atoms }) => atoms).find(({ id }) => id === atom);
    if (found === undefined) {
      throw new ClusterRunnerError('NOT_FOUND', `Build ${build} has no atom ${atom}.`);
    }
    return found;
  }

  async readConsole(build: BuildId, atom: AtomId, lines: ConsoleLines): Promise<ConsolePage> {
    await this.getAtom(build, atom);
    const all = this.consoles.get(`${build}/${atom}`) ?? [];
    const start = lines.offsetLine ?? Math.max(0, all.length - lines.maxLines);
    const page = all.slice(start, start + lines.maxLines);
    return {
      offset_line: start,
      num_lines: page.length,
      total_num_lines: all.length,
      content: page.map((line) => `${line}\n`).join(''),
    };
  }

  /** Looks for plain text, in whole lines. */
  async searchConsole(
    build: BuildId,
    atom: AtomId,
    { text, fromLine, maxMatches }: ConsoleSearchRequest,
  ): Promise<ConsoleSearch> {
    await this.getAtom(build, atom);
    const all = this.consoles.get(`${build}/${atom}`) ?? [];
    const matches = all
      .map((line, number) => ({ line: number, column: line.indexOf(text), text: line }))
      .filter(({ line, column }) => column !== -1 && line >= fromLine)
      .slice(0, maxMatches)
      .map((match) => ({ ...match, length: text.length, text_column: 0 }));
    return {
      matches,
      from_line: fromLine,
      scanned_to_line: all.length,
      done: true,
      total_num_lines: all.length,
    };
  }

  /** One group of all atoms that failed. */
  async listFailureGroups(
    build: BuildId,
    { offset, limit }: Page,
  ): Promise<{ groups: FailureGroup[]; total: number; num_without_output: number }> {
    const { atoms } = await this.listAtoms(build, null, { offset: 0, limit: 1000 });
    const failed = atoms.filter(({ outcome }) => outcome === 'FAILED');
    const group = { key: 'unknown', num_atoms: failed.length, sample_lines: [], atoms: failed };
    const groups = failed.length === 0 ? [] : [group];
    return {
      groups: groups.slice(offset, offset + limit),
      total: groups.length,
      num_without_output: failed.length,
    };
  }

  async listEvents({ id, timestamp, limit }: EventsAfter): Promise<Event[]> {
    return this.events.filter((event) => event.id > id && event.timestamp >= timestamp).slice(0, limit);
  }

  /** `announce` yields an empty batch when there is nothing new. */
  async *followEvents(id: number | null, end: AbortSignal): AsyncGenerator<readonly Event[]> {
    let last = id ?? this.events.at(-1)?.id ?? 0;
    while (!end.aborted) {
      if (this.broken !== null) {
        throw this.broken;
      }
      const batch = this.events.filter((event) => event.id > last);
      last = batch.at(-1)?.id ?? last;
      yield batch;
      await this.untilChanged(toId.build(1), 'change', 60_000, end);
    }
  }

  async metrics(): Promise<string> {
    return this.counted.map((line) => `# ${line}\n`).join('');
  }

  countRequest(method: string, route: string, status: number): void {
    this.counted.push(`${method} ${route} ${status}`);
  }

  async registerSlave(register: Register): Promise<{ slave_id: SlaveId; lease_seconds: number }> {
    const id = toId.slave(this.slaves.size + 1);
    this.slaves.set(id, fakeSlave(id, register));
    this.changes.push({ what: 'registerSlave', slave: id, said: register });
    return { slave_id: id, lease_seconds: 30 };
  }

  async goodbyeSlave(slave: SlaveId): Promise<void> {
    this.#requireSlave(slave);
    this.slaves.delete(slave);
    this.changes.push({ what: 'goodbyeSlave', slave });
  }

  async askForWork(slave: SlaveId, request: WorkRequest, gone: AbortSignal): Promise<WorkResponse> {
    this.#requireSlave(slave);
    this.changes.push({ what: 'askForWork', slave, said: request });
    const next = this.#work.shift() ?? (request.wait_seconds === 0 ? noWork : undefined);
    if (next !== undefined) {
      return next;
    }
    return new Promise((resolve, reject) => {
      const response = (late: WorkResponse) => {
        this.#held.delete(response);
        resolve(late);
      };
      const giveUp = () => {
        this.#held.delete(response);
        this.gone.push(gone.reason);
        reject(gone.reason);
      };
      if (gone.aborted) {
        return giveUp();
      }
      this.#held.add(response);
      gone.addEventListener('abort', giveUp, { once: true });
    });
  }

  async reportPrepared(slave: SlaveId, build: BuildId, report: Prepared): Promise<void> {
    this.#requireLease(slave, report.lease);
    this.changes.push({ what: 'reportPrepared', slave, build, said: report });
  }

  async reportPreparationFailed(
    slave: SlaveId,
    build: BuildId,
    lease: LeaseRef,
    error: string,
  ): Promise<void> {
    this.#requireLease(slave, lease);
    this.changes.push({ what: 'reportPreparationFailed', slave, build, said: error });
  }

  async returnPreparation(slave: SlaveId, build: BuildId, returned: ReturnedLease): Promise<void> {
    this.#requireLease(slave, returned.lease);
    this.changes.push({ what: 'returnLease', slave, build, subjob: null, said: returned });
  }

  async returnLease(
    slave: SlaveId,
    build: BuildId,
    subjob: SubjobId,
    returned: ReturnedLease,
  ): Promise<void> {
    this.#requireLease(slave, returned.lease);
    this.changes.push({ what: 'returnLease', slave, build, subjob, said: returned });
  }

  async reportProgress(slave: SlaveId, build: BuildId, subjob: SubjobId, progress: Progress): Promise<void> {
    this.#requireLease(slave, progress.lease);
    this.changes.push({ what: 'reportProgress', slave, build, subjob, said: progress });
  }

  requireSpace(bytes: number): void {
    if (bytes > this.freeBytes) {
      throw new ClusterRunnerError('UNAVAILABLE', `${bytes} bytes do not fit on the disk.`);
    }
  }

  checkResultLease(slave: SlaveId, _build: BuildId, _subjob: SubjobId, lease: LeaseRef): void {
    this.#requireLease(slave, lease);
  }

  async filesToAdd(): Promise<Iterable<AddedFile>> {
    return [];
  }

  async acceptResult(
    slave: SlaveId,
    build: BuildId,
    subjob: SubjobId,
    report: ResultReport,
    archive: ReceivedResult,
  ): Promise<void> {
    this.#requireLease(slave, report.lease);
    if (this.resultRefusal !== null) {
      throw this.resultRefusal;
    }
    this.accepted.set(`${build}/${subjob}`, await readFile(archive.temporaryPath));
    await rm(archive.temporaryPath);
    this.changes.push({ what: 'acceptResult', slave, build, subjob, said: report });
  }

  async #subjobsOf(build: BuildId): Promise<Subjob[]> {
    await this.getBuild(build);
    return this.subjobs.get(build) ?? [];
  }

  #requireNotBroken(): void {
    if (this.broken !== null) {
      throw this.broken;
    }
  }

  #requireSlave(slave: SlaveId): void {
    if (!this.slaves.has(slave)) {
      throw new ClusterRunnerError('SLAVE_UNKNOWN', `Slave ${slave} is not known here; register again.`);
    }
  }

  #requireLease(slave: SlaveId, lease: LeaseRef): void {
    this.#requireSlave(slave);
    if (!this.leases.has(lease.lease_id)) {
      throw new ClusterRunnerError('STALE_LEASE', `Lease ${lease.lease_id} is over; drop its work.`);
    }
  }
}

/** A build that was just accepted. */
export function fakeBuild(id: BuildId, request: BuildRequest): Build {
  return {
    id,
    status: 'BUILDING',
    state: 'QUEUED',
    state_timestamps: { QUEUED: 1_700_000_000 },
    result: null,
    details: 'The build waits for a slave.',
    num_atoms: null,
    atom_variables: [],
    num_subjobs: null,
    num_atoms_done: 0,
    num_atoms_failed: 0,
    num_atoms_lost: 0,
    num_atoms_flaky: 0,
    num_atoms_cached: 0,
    ...noFacts,
    num_executors: 0,
    seconds_left: null,
    failed_atoms: null,
    flaky_atoms: null,
    interrupted_atoms: null,
    artifacts: null,
    error_message: null,
    revision: null,
    request_params: request,
  };
}

function fakeSlave(id: SlaveId, register: Register): Slave {
  return {
    id,
    name: register.name,
    url: register.url,
    num_executors: register.num_executors,
    num_executors_in_use: 0,
    state: 'CONNECTED',
    reason: null,
    free_disk_bytes: null,
    num_unremovable: 0,
    current_builds: [],
    current_build_id: null,
    is_alive: true,
    is_in_shutdown_mode: false,
    session_id: '5e55',
    version: register.version,
    last_seen: 1_700_000_000,
  };
}
