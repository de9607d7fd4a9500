import type { FileHandle } from 'node:fs/promises';
import type { Build, BuildRequest } from '../../protocol/build/build.js';
import type { ConsoleSearch } from '../../protocol/build/console-search.js';
import type { Explanation, QueueWait } from '../../protocol/build/explanation.js';
import type { FailureGroup } from '../../protocol/build/failure-group.js';
import type {
  AtomHistoryWithDays,
  HistoryOrder,
  Job,
  JobAtom,
  JobBuild,
  JobTrend,
} from '../../protocol/build/history.js';
import type { AtomOrder } from '../../protocol/build/search-parameters.js';
import type { Timeline } from '../../protocol/build/timeline.js';
import type { Atom, ConsolePage, Subjob } from '../../protocol/build/work.js';
import type { BundleInfo } from '../../protocol/bundle.js';
import type { Event } from '../../protocol/event.js';
import type { AtomId, BuildId, JobId, SlaveId, SubjobId } from '../../protocol/ids.js';
import type { ResponseOf } from '../../protocol/route.js';
import type { slaveRoutes } from '../../protocol/routes/slave-routes.js';
import type { SlaveOrder, SlaveState } from '../../protocol/slave/slave-list.js';
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
} from '../../protocol/slave/slave-messages.js';
import type { Utilization } from '../../protocol/slave/utilization-columns.js';
import type { AtomCriteria, AtomRange, BuildCriteria, FoundAtom } from '../store/searches.js';
import type { SortedBars } from '../views/timeline/bars.js';

export interface Page {
  readonly offset: number;
  readonly limit: number;
}

/** The atoms of an ended build that run again: those that failed or were lost, or all. */
export type RerunAtoms = 'failed' | 'all';

/** A page of builds: those after the build `after` if it is given, else from the offset. */
export interface BuildsPage extends Page {
  readonly after?: BuildId;
  /** Oldest first unless given. */
  readonly order?: 'oldest' | 'newest';
}

/** Which slaves are listed, and in which order: all of them, by id, unless given. */
export interface SlaveSearch {
  readonly states?: ReadonlySet<SlaveState>;
  readonly text?: string;
  readonly order?: SlaveOrder;
}

/** Builds that have not ended, and why they wait. */
export interface Queue {
  readonly builds: Build[];
  readonly total: number;
  readonly waiting: QueueWait;
}

export type ListedSlaves = ResponseOf<typeof slaveRoutes.listSlaves>;

/** A file that was received completely, at a temporary path. */
export interface ReceivedArchive {
  readonly temporaryPath: string;
  readonly bytes: number;
}

export interface ReceivedResult extends ReceivedArchive {
  /** Compressed bytes of each gzip member that the master added at the end of the archive. */
  readonly addedMembers: readonly number[];
  /** Temporary path of the list of its entries; null when none is kept. */
  readonly entryListPath: string | null;
}

/** A bundle that was received completely. */
export interface ReceivedBundle extends ReceivedArchive {
  /** SHA-256 in hexadecimal digits. */
  readonly digest: string;
}

/** The parts of a build's archive: the subjobs' files in order, then a last member. */
export interface ArchiveContents {
  /** Paths of `tar.gz` files without closing zero blocks, in order of subjob. */
  readonly files: readonly string[];
  /** Folder names of the atoms that failed: the lines of failures.txt; empty when all passed. */
  readonly failedFolders: readonly string[];
}

/** The archives with results of one subjob. */
export interface SubjobArchives {
  /** Those that have arrived: two where the master has kept something beside the delivery of a slave. */
  readonly files: readonly string[];
  /** Whether the build has ended, so that no more will come. */
  readonly isOver: boolean;
}

/** A file that the master itself adds to the archive of a subjob. */
export interface AddedFile {
  /** Begins with the folder of its atom. */
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  readonly mtime: Date;
}

/**
 * The operations of the master that the HTTP layer calls. Every method rejects with ClusterRunnerError for a mistake of the
 * caller (NOT_FOUND, SLAVE_UNKNOWN, STALE_LEASE, CONFLICT, INVALID_REQUEST); any other rejection is a programming
 * error. A promise to the caller (an id, an acknowledgement) resolves only after the store has committed it.
 */
export interface MasterService {
  readonly sessionId: string;
  /** Seconds since the epoch. */
  readonly startedAt: number;
  readonly bundles: MasterBundles;
  readonly zips: MasterZips;

  createBuild(request: BuildRequest): Promise<BuildId>;
  /** `request_params` has none of `config`, `atoms_override` and `changed_files`. */
  listBuilds(page: BuildsPage): Promise<{ builds: Build[]; total: number }>;
  /** As `listBuilds` presents them; those that have been forgotten are left out. */
  listChosenBuilds(builds: readonly BuildId[]): Promise<Build[]>;
  /** The next builds after `after`, oldest first, and whether they match (1 or 0). Fewer than `limit` are the last. */
  searchBuilds(
    criteria: BuildCriteria,
    next: { readonly after: number; readonly limit: number },
  ): Promise<{ readonly id: number; readonly matches: number }[]>;
  /** The builds of a job that still exist, oldest first. @throws NOT_FOUND when the history has no such job */
  buildsOfJob(job: JobId): Promise<BuildId[]>;
  getBuild(build: BuildId): Promise<Build>;
  cancelBuild(build: BuildId, gone?: AbortSignal): Promise<Build>;
  /** @throws NOT_FOUND; CONFLICT when it still runs, or there is nothing to run again */
  rerun(build: BuildId, atoms: RerunAtoms, requestedBy?: string): Promise<BuildId>;
  /** null while the build runs. */
  archiveContents(build: BuildId): Promise<ArchiveContents | null>;
  /** Also while the build runs. @throws NOT_FOUND when there is no such build */
  archivesOfSubjob(build: BuildId, subjob: SubjobId): Promise<SubjobArchives>;
  /**
   * Paths of the archives of a build as they arrive, in batches, until the build has ended or `end` is aborted. In the end
   * they are the same as in archiveContents, in another order. An empty batch now and then shows that the master is alive.
   * `null` when the build has ended.
   * @throws NOT_FOUND
   */
  followArchives(build: BuildId, end: AbortSignal): Promise<AsyncIterable<readonly string[]> | null>;

  listSlaves(chosen: Page & SlaveSearch): Promise<ListedSlaves>;
  /** Lets slaves finish what they run, take no more, and exit. Resolves with those that now drain. @throws NOT_FOUND */
  drainSlaves(slaves: readonly SlaveId[] | 'all'): Promise<SlaveId[]>;

  registerSlave(register: Register): Promise<{ slave_id: SlaveId; lease_seconds: number }>;
  goodbyeSlave(slave: SlaveId): Promise<void>;
  /** Holds the poll for up to `wait_seconds`. When `gone` is aborted (the client hung up), leases that were taken for it
   *  are returned at once. */
  askForWork(slave: SlaveId, request: WorkRequest, gone: AbortSignal): Promise<WorkResponse>;
  reportPrepared(slave: SlaveId, build: BuildId, report: Prepared): Promise<void>;
  reportPreparationFailed(slave: SlaveId, build: BuildId, lease: LeaseRef, error: string): Promise<void>;
  returnPreparation(slave: SlaveId, build: BuildId, returned: ReturnedLease): Promise<void>;
  returnLease(slave: SlaveId, build: BuildId, subjob: SubjobId, returned: ReturnedLease): Promise<void>;
  reportProgress(slave: SlaveId, build: BuildId, subjob: SubjobId, progress: Progress): Promise<void>;
  /** @throws UNAVAILABLE when so many bytes more do not fit beside what is kept free for the store */
  requireSpace(bytes: number): void;
  /** A cheap check before a large body is read. @throws STALE_LEASE, SLAVE_UNKNOWN */
  checkResultLease(slave: SlaveId, build: BuildId, subjob: SubjobId, lease: LeaseRef): void;
  /** Files to append to the archive of a result before it is accepted. @throws NOT_FOUND, STALE_LEASE */
  filesToAdd(build: BuildId, subjob: SubjobId, report: ResultReport): Promise<Iterable<AddedFile>>;
  /**
   * Moves the archive to its place, commits the verdicts, then resolves. A result that was accepted before changes
   * nothing: it resolves too, and its archive is dropped.
   */
  acceptResult(
    slave: SlaveId,
    build: BuildId,
    subjob: SubjobId,
    report: ResultReport,
    archive: ReceivedResult,
  ): Promise<void>;
}

/** The bundles of commits that the master passes on; see protocol/bundle. */
export interface MasterBundles {
  /** Connected slaves. */
  readonly numSlaves: number;
  /** Those of the commits that a new bundle may build on. */
  known(commits: readonly string[]): string[];
  /** The bundles that together hold the commit, newest first; empty when one is missing. */
  chain(commit: string): BundleInfo[];
  /** The caller closes the file, which may be read to its end also when it is removed meanwhile. @throws NOT_FOUND */
  open(commit: string): Promise<{ readonly file: FileHandle; readonly bytes: number }>;
  /** How many bytes a new bundle may have. @throws UNAVAILABLE */
  remainingBytes(): Promise<number>;
  /** Does nothing when it has the commit already. @throws CONFLICT when it does not have `base` */
  keep(commit: string, base: string | null, bundle: ReceivedBundle): Promise<void>;
}

/** The results of builds that have ended, as zips on the disk. */
export interface MasterZips {
  /** Resolves when the zip is made; null when it does not fit into the cache or on the disk. */
  open(build: BuildId, contents: ArchiveContents): Promise<OpenZip | null>;
}

export interface OpenZip {
  /** The caller closes it. It can be read to its end even if it is removed meanwhile. */
  readonly file: FileHandle;
  readonly bytes: number;
  /** Changes with the content. */
  readonly tag: string;
}

/** Which events: those with a higher id, and not older than `timestamp` (seconds since the epoch). */
export interface EventsAfter {
  readonly id: number;
  readonly timestamp: number;
  readonly limit: number;
}

/** The number of changes of atoms that a reader has seen; 'end': all of a build that has ended; null: none. */
export type TimelineSince = number | 'end' | null;

/** A timeline with its columns still as numbers. */
export interface TimelineParts
  extends Omit<Timeline, 'cursor' | 'atoms' | 'retried' | 'setups' | 'fruitless'> {
  /** Changes of atoms so far; null when the build has ended. */
  readonly count: number | null;
  readonly atoms: SortedBars;
  readonly retried: SortedBars;
  readonly setups: SortedBars;
  readonly fruitless: SortedBars;
}

/** Lines of a console; `offsetLine` null: the last `maxLines` lines. */
export interface ConsoleLines {
  readonly offsetLine: number | null;
  readonly maxLines: number;
}

/** A search in a console for lines from `fromLine`. */
export interface ConsoleSearchRequest {
  readonly text: string;
  /** Whether the text is an expression in the syntax of RE2. */
  readonly isRegex: boolean;
  /** Whether upper and lower case differ. */
  readonly isExact: boolean;
  readonly fromLine: number;
  readonly maxMatches: number;
}

/** The atoms of a job that are wanted. `text` is part of their names, in any case; empty for all. */
export interface JobAtomSelection extends Page {
  readonly order: HistoryOrder;
  readonly text: string;
}

/** null for what is not recorded. */
export interface HistoryOfAtom {
  readonly job_id: JobId | null;
  readonly history: AtomHistoryWithDays | null;
}

/**
 * The queries of readers of the API. Nothing here changes anything. Every method rejects with ClusterRunnerError
 * NOT_FOUND for something that does not exist.
 */
export interface MasterReading {
  /** Why the master cannot do its work now, and what to do; null when it can. */
  readonly problem: string | null;
  /** Whether these are past builds, of which nothing changes. */
  readonly arePast: boolean;
  /** Builds that have not ended, oldest first. */
  listUnfinished(page: Page): Promise<{ builds: Build[]; total: number }>;
  /** The same builds in the order in which they get executors. */
  queue(page: Page): Promise<Queue>;
  /** Resolves at the build's next change (or at its end) after the call, after `ms`, or when `gone` is aborted. */
  untilChanged(build: BuildId, what: 'change' | 'end', ms: number, gone: AbortSignal): Promise<void>;
  explain(build: BuildId): Promise<Explanation>;

  listSubjobs(build: BuildId, page: Page): Promise<{ subjobs: Subjob[]; total: number }>;
  getSubjob(build: BuildId, subjob: SubjobId): Promise<Subjob>;
  /** `subjob` null: of all subjobs. */
  listAtoms(build: BuildId, subjob: SubjobId | null, page: Page): Promise<{ atoms: Atom[]; total: number }>;
  /** The first atoms of a range that match, in this order. A caller knows by `numAtoms`, those of the build, where to end. */
  searchAtoms(
    build: BuildId,
    criteria: AtomCriteria,
    order: AtomOrder,
    range: AtomRange,
  ): Promise<{ found: FoundAtom[]; numAtoms: number }>;
  /** In this order. */
  chosenAtoms(build: BuildId, atoms: readonly AtomId[]): Promise<Atom[]>;
  getAtom(build: BuildId, atom: AtomId): Promise<Atom>;
  /** Largest group first. */
  listFailureGroups(
    build: BuildId,
    page: Page,
  ): Promise<{ groups: FailureGroup[]; total: number; num_without_output: number }>;
  /** Some milliseconds of work at a time. */
  readTimeline(build: BuildId, since: TimelineSince, gone: AbortSignal): Promise<TimelineParts>;
  readConsole(build: BuildId, atom: AtomId, lines: ConsoleLines): Promise<ConsolePage>;
  /** Responds after a second or so with what was found, and how far it got. @throws INVALID_REQUEST, RESULT_UNREADABLE */
  searchConsole(
    build: BuildId,
    atom: AtomId,
    request: ConsoleSearchRequest,
    gone: AbortSignal,
  ): Promise<ConsoleSearch>;

  /** The history: see HistoryQueries. */
  listJobs(text: string, page: Page): Promise<{ jobs: Job[]; total: number }>;
  getJob(job: JobId): Promise<JobTrend>;
  listJobBuilds(job: JobId, page: Page): Promise<{ builds: JobBuild[]; total: number }>;
  listJobAtoms(
    job: JobId,
    query: JobAtomSelection,
    gone: AbortSignal,
  ): Promise<{ atoms: JobAtom[]; total: number }>;
  getAtomHistory(job: JobId, name: string): Promise<AtomHistoryWithDays>;
  historyOfAtom(build: BuildId, atom: AtomId): Promise<HistoryOfAtom>;

  getSlave(slave: SlaveId): Promise<Slave>;
  /** The load of the executors in each minute of the last `hours`. */
  utilization(hours: number): Promise<Utilization>;

  listEvents(after: EventsAfter): Promise<Event[]>;
  /**
   * Events after `id` (null: only new ones) as they are committed, in batches, until `end` is aborted. An empty
   * batch now and then shows that the master is alive.
   */
  followEvents(id: number | null, end: AbortSignal): AsyncIterable<readonly Event[]>;

  /** In Prometheus' text format. */
  metrics(): Promise<string>;
  /** `route` is the declared path. */
  countRequest(method: string, route: string, status: number, seconds: number): void;
}
