import type { Build, BuildRequest } from '../protocol/build.js';
import type { BuildId, SlaveId, SubjobId } from '../protocol/ids.js';
import type {
  Handback,
  LeaseRef,
  Prepared,
  Progress,
  Register,
  ResultReport,
  Slave,
  WorkAnswer,
  WorkRequest,
} from '../protocol/slave.js';

export interface Page {
  readonly offset: number;
  readonly limit: number;
}

/** A subjob's archive that has arrived whole, with the digest that was signed, at a temporary path. */
export interface ReceivedArchive {
  readonly temporaryPath: string;
  readonly bytes: number;
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

  createBuild(request: BuildRequest): Promise<BuildId>;
  listBuilds(page: Page): Promise<{ builds: Build[]; total: number }>;
  getBuild(build: BuildId): Promise<Build>;
  cancelBuild(build: BuildId): Promise<Build>;
  /** null while the build runs. */
  archiveContents(build: BuildId): Promise<ArchiveContents | null>;

  listSlaves(page: Page): Promise<{ slaves: Slave[]; total: number }>;

  registerSlave(register: Register): Promise<{ slave_id: SlaveId; lease_seconds: number }>;
  goodbyeSlave(slave: SlaveId): Promise<void>;
  /** Holds the question for up to `wait_seconds`. When `gone` is aborted (the client hung up) whatever was
   *  about to be handed out goes back to the queue at once. */
  askForWork(slave: SlaveId, request: WorkRequest, gone: AbortSignal): Promise<WorkAnswer>;
  reportPrepared(slave: SlaveId, build: BuildId, report: Prepared): Promise<void>;
  reportPreparationFailed(slave: SlaveId, build: BuildId, lease: LeaseRef, error: string): Promise<void>;
  /** `subjob` is null for the lease of a preparation. */
  handBack(slave: SlaveId, build: BuildId, subjob: SubjobId | null, handback: Handback): Promise<void>;
  reportProgress(slave: SlaveId, build: BuildId, subjob: SubjobId, progress: Progress): Promise<void>;
  /** Cheap refusal before a large body is read. @throws STALE_LEASE, SLAVE_UNKNOWN */
  checkResultLease(slave: SlaveId, build: BuildId, subjob: SubjobId, lease: LeaseRef): void;
  /**
   * Moves the archive to its place, commits the verdicts, then resolves. Delivering the result of a lease that
   * was accepted already resolves too, changes nothing, and drops the archive.
   */
  acceptResult(
    slave: SlaveId,
    build: BuildId,
    subjob: SubjobId,
    report: ResultReport,
    archive: ReceivedArchive,
  ): Promise<void>;
}
