import type { FileHandle } from 'node:fs/promises';
import type { Build, BuildRequest } from '../../protocol/build/build.js';
import type { Explanation } from '../../protocol/build/explanation.js';
import type { Atom, ConsolePage, Subjob } from '../../protocol/build/work.js';
import type { Event } from '../../protocol/event.js';
import type { AtomId, BuildId, SlaveId, SubjobId } from '../../protocol/ids.js';
import type { Pack } from '../../protocol/pack.js';
import type {
  Handback,
  LeaseRef,
  Prepared,
  Progress,
  Register,
  ResultReport,
  Slave,
  WorkRequest,
  WorkResponse,
} from '../../protocol/slave/slave-messages.js';
import type { AddedFile } from '../archives/incoming/added-files.js';

export interface Page {
  readonly offset: number;
  readonly limit: number;
}

/** Of builds: those after the build `after`, when it is given, and not from an offset. */
export interface BuildsPage extends Page {
  readonly after?: BuildId;
}

/** A subjob's archive that has arrived whole, with the digest that was signed, at a temporary path. */
export interface ReceivedArchive {
  readonly temporaryPath: string;
  readonly bytes: number;
}

export interface ReceivedResult extends ReceivedArchive {
  /** Compressed bytes of each member at the end of the archive that the master has added. */
  readonly addedMembers: readonly number[];
  /** Of the list of its entries, not moved yet either; null when none is kept. */
  readonly entryListPath: string | null;
}

/** A bundle that has arrived whole. */
export interface ReceivedPack extends ReceivedArchive {
  /** SHA-256 in hexadecimal digits. */
  readonly digest: string;
}

/** What the build's archive is made of: the subjobs' files in order, then a last member. */
export interface ArchiveContents {
  /** Paths of `tar.gz` files without closing zero blocks, in order of subjob. */
  readonly files: readonly string[];
  /** Folder names of the atoms that failed: the lines of failures.txt; empty when all passed. */
  readonly failedFolders: readonly string[];
}

/**
 * What the master can do, as the HTTP layer sees it. Everything rejects with ClusterRunnerError for what the
 * caller did wrong (NOT_FOUND, SLAVE_UNKNOWN, STALE_LEASE, CONFLICT, INVALID_REQUEST); any other rejection is a
 * programming error. A promise that stands for a promise to the caller (an id, an acknowledgement) resolves
 * only after the store has committed it.
 */
export interface MasterService {
  readonly sessionId: string;
  /** Seconds since the epoch. */
  readonly startedAt: number;
  readonly packs: MasterBundles;
  readonly zips: MasterZips;

  createBuild(request: BuildRequest): Promise<BuildId>;
  /** `request_params` has neither `config` nor `atoms_override`. */
  listBuilds(page: BuildsPage): Promise<{ builds: Build[]; total: number }>;
  getBuild(build: BuildId): Promise<Build>;
  cancelBuild(build: BuildId, gone?: AbortSignal): Promise<Build>;
  /** @throws NOT_FOUND; CONFLICT when it still runs, or there is nothing to run again */
  rerunFailed(build: BuildId, requestedBy?: string): Promise<BuildId>;
  /** null while the build runs. */
  archiveContents(build: BuildId): Promise<ArchiveContents | null>;
  /**
   * Paths of the archives of a build as they arrive, in batches, until the build has ended or `end` is aborted: those
   * that archiveContents names then, in another order. An empty batch now and then says that the master is alive. null
   * when the build has ended.
   * @throws NOT_FOUND
   */
  followArchives(build: BuildId, end: AbortSignal): Promise<AsyncIterable<readonly string[]> | null>;

  listSlaves(page: Page): Promise<{ slaves: Slave[]; total: number }>;
  /** Lets slaves finish what they run, take no more, and exit. Answers with those that now drain. @throws NOT_FOUND */
  drainSlaves(slaves: readonly SlaveId[] | 'all'): Promise<SlaveId[]>;

  registerSlave(register: Register): Promise<{ slave_id: SlaveId; lease_seconds: number }>;
  goodbyeSlave(slave: SlaveId): Promise<void>;
  /** Holds the question for up to `wait_seconds`. When `gone` is aborted (the client hung up) whatever was
   *  about to be handed out goes back to the queue at once. */
  askForWork(slave: SlaveId, request: WorkRequest, gone: AbortSignal): Promise<WorkResponse>;
  reportPrepared(slave: SlaveId, build: BuildId, report: Prepared): Promise<void>;
  reportPreparationFailed(slave: SlaveId, build: BuildId, lease: LeaseRef, error: string): Promise<void>;
  handBackPreparation(slave: SlaveId, build: BuildId, returned: Handback): Promise<void>;
  handBack(slave: SlaveId, build: BuildId, subjob: SubjobId, returned: Handback): Promise<void>;
  reportProgress(slave: SlaveId, build: BuildId, subjob: SubjobId, progress: Progress): Promise<void>;
  /** @throws UNAVAILABLE when so many bytes more do not fit on the disk beside what is kept for the store */
  requireRoom(bytes: number): void;
  /** Cheap refusal before a large body is read. @throws STALE_LEASE, SLAVE_UNKNOWN */
  checkResultLease(slave: SlaveId, build: BuildId, subjob: SubjobId, lease: LeaseRef): void;
  /** What is to be put behind the archive of a result before it is accepted. @throws SLAVE_UNKNOWN, STALE_LEASE */
  filesToAdd(build: BuildId, subjob: SubjobId, report: ResultReport): Promise<Iterable<AddedFile>>;
  /**
   * Moves the archive to its place, commits the verdicts, then resolves. Delivering the result of a lease that
   * was accepted already resolves too, changes nothing, and drops the archive.
   */
  acceptResult(
    slave: SlaveId,
    build: BuildId,
    subjob: SubjobId,
    report: ResultReport,
    archive: ReceivedResult,
  ): Promise<void>;
}

/** The bundles of commits that the master passes on; see protocol/pack. */
export interface MasterBundles {
  /** That are connected. */
  readonly numSlaves: number;
  /** Those that a new bundle may build on. */
  known(commits: readonly string[]): string[];
  /** Newest first; empty when it does not have all of it. */
  chain(commit: string): Pack[];
  /** The caller closes the file, which may be read to its end also when it is removed meanwhile. @throws NOT_FOUND */
  open(commit: string): Promise<{ readonly file: FileHandle; readonly bytes: number }>;
  /** How many bytes a new bundle may have. @throws UNAVAILABLE */
  room(): Promise<number>;
  /** Does nothing when it has the commit already. @throws CONFLICT when it does not have `base` */
  keep(commit: string, base: string | null, bundle: ReceivedPack): Promise<void>;
}

/** The results of builds that have ended, as zips that lie on the disk. */
export interface MasterZips {
  /** Waits until it is made. null when it cannot be kept, because of its size or the disk's. */
  open(build: BuildId, contents: ArchiveContents): Promise<OpenZip | null>;
}

export interface OpenZip {
  /** The caller closes it. It may be read to its end also when it is removed meanwhile. */
  readonly file: FileHandle;
  readonly bytes: number;
  /** Differs when the bytes do. */
  readonly tag: string;
}

/** Which events: those with a higher id, and not older than `timestamp` (seconds since the epoch). */
export interface EventsAfter {
  readonly id: number;
  readonly timestamp: number;
  readonly limit: number;
}

/** Lines of a console; `offsetLine` null: the last `maxLines` lines. */
export interface ConsoleLines {
  readonly offsetLine: number | null;
  readonly maxLines: number;
}

/**
 * What only readers of the API ask. Nothing here changes anything. Everything rejects with ClusterRunnerError
 * NOT_FOUND for what is not there.
 */
export interface MasterReading {
  /** Why the master cannot do its work now, and what to do; null when it can. */
  readonly problem: string | null;
  /** Builds that have not ended, oldest first. */
  listUnfinished(page: Page): Promise<{ builds: Build[]; total: number }>;
  /** Resolves at the build's next change (or at its end) after the call, after `ms`, or when `gone` is aborted. */
  untilChanged(build: BuildId, what: 'change' | 'end', ms: number, gone: AbortSignal): Promise<void>;
  explain(build: BuildId): Promise<Explanation>;

  listSubjobs(build: BuildId, page: Page): Promise<{ subjobs: Subjob[]; total: number }>;
  getSubjob(build: BuildId, subjob: SubjobId): Promise<Subjob>;
  /** Of one subjob only when it is named. */
  listAtoms(build: BuildId, subjob: SubjobId | null, page: Page): Promise<{ atoms: Atom[]; total: number }>;
  getAtom(build: BuildId, atom: AtomId): Promise<Atom>;
  readConsole(build: BuildId, atom: AtomId, lines: ConsoleLines): Promise<ConsolePage>;

  getSlave(slave: SlaveId): Promise<Slave>;

  listEvents(after: EventsAfter): Promise<Event[]>;
  /**
   * Events after `id` (null: only new ones) as they are committed, in batches, until `end` is aborted. An empty
   * batch now and then says that the master is alive.
   */
  followEvents(id: number | null, end: AbortSignal): AsyncIterable<readonly Event[]>;

  /** In Prometheus' text format. */
  metrics(): Promise<string>;
  /** `route` is the declared path. */
  countRequest(method: string, route: string, status: number, seconds: number): void;
}
