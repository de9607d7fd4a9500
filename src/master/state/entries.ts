import type { BuildWork } from '../../domain/build-work.js';
import type { Holder } from '../../domain/lease.js';
import type { RecentFailures } from '../../domain/recent-failures.js';
import type { ReportedVerdicts } from '../../domain/reported-verdicts.js';
import type { SetupNeeded } from '../../domain/scheduling/setup-cost.js';
import type { Health } from '../../domain/slave-health.js';
import type { BuildRequest } from '../../protocol/build/build.js';
import type { NamedJob } from '../../protocol/build/job.js';
import type { Project, RemoteFile } from '../../protocol/build/project.js';
import type { Revision } from '../../protocol/build/revision.js';
import type { AtomId, BuildId, LeaseId, SlaveId, SubjobId } from '../../protocol/ids.js';
import type { ResultFacts } from '../../protocol/results/result-facts.js';
import type { Handback } from '../../protocol/slave/slave-messages.js';
import type { LeasedAtom } from '../store/atoms.js';

/** An unfinished build, as the master holds it in memory. */
export interface ActiveBuild {
  readonly id: BuildId;
  readonly work: BuildWork;
  readonly request: BuildRequest;
  /** As it was asked for; with the commit that the preparing slave resolved once that is known. */
  project: Project;
  readonly remoteFiles: readonly RemoteFile[];
  /** As the preparing slave reported it. */
  revision: Revision | null;
  /** null until prepared. */
  job: NamedJob | null;
  /** null until prepared. */
  numAtoms: number | null;
  atomsDone: number;
  atomsFailed: number;
  /** Of the failed ones. */
  atomsLost: number;
  /** Failed, and passed when they were run again. */
  atomsFlaky: number;
  /** Verdicts that are not final, as the store has them. */
  readonly reported: ReportedVerdicts;
  /** For those who watch it. */
  readonly failures: RecentFailures;
  /** Of all atoms that have their verdict. */
  resultFacts: ResultFacts;
  /** The subjobs whose results were accepted, as the store has it, in the order in which they came. */
  readonly delivered: SubjobId[];
  /** Of the archives that were accepted. */
  resultBytes: number;
  /** Since when it is BUILDING, in the steady time; null before. */
  buildingSince: number | null;
  /** How many atoms were run again. */
  retriesUsed: number;
  /** What the slaves said that could not run it, the last words last, by the name of the slave. */
  readonly refusals: Map<string, Pick<Handback, 'reason' | 'output'>>;
  /** The leases that are held of it now, preparation and subjobs. */
  readonly leases: Set<ActiveLease>;
  /** It is being ended before its work: how, and until when slaves may deliver, in the steady time. */
  stopping: (EarlyEnd & { readonly until: number }) | null;
  /** Set in the step that ends the build; settles when the store has the end. */
  ending: Promise<unknown> | null;
}

/** How a build ends before its work, and the sentence that says why. */
export interface EarlyEnd {
  readonly state: 'CANCELED' | 'ERROR';
  readonly sentence: string;
}

/** A lease that is not over. */
export interface ActiveLease {
  readonly task: Holder;
  readonly build: ActiveBuild;
  /** null: the preparation. */
  readonly subjob: SubjobId | null;
  readonly slave: RegisteredSlave;
  readonly executorIndex: number | null;
  /** That reports on it must name: the slave alone knows it. */
  readonly token: string;
  /** Milliseconds, as people read it … */
  readonly takenAt: number;
  /** … and in the steady time. */
  readonly tookAt: number;
  /** What the slave has to do before its first atom; `nothing` for a preparation. */
  readonly setupNeeded: SetupNeeded;
  /** It was taken because another slave takes too long with the same. */
  readonly isDuplicate: boolean;
  /** Whether an atom is known to run, or to have run. */
  hasBegun: boolean;
  /** The atom that runs, as the slave reported last, and since when, in milliseconds. */
  runs: { readonly atom: AtomId; readonly since: number } | null;
  /** The number of the slave's question whose answer brings it. */
  readonly askedBy: number;
  /** Whether that answer is given. Only when the slave says that it waits for it no more can it be expected to name
   *  the lease. */
  isAnswered: boolean;
  /** How much of each console has been reported under this lease, in bytes. */
  readonly consoleEnds: Map<AtomId, number>;
  /** Of its subjob, in order; null until they are first read, which is after the lease is committed. */
  atoms: readonly LeasedAtom[] | null;
}

export interface RegisteredSlave {
  readonly id: SlaveId;
  readonly instance: string;
  name: string;
  url: string | null;
  numExecutors: number;
  version: string;
  state: 'CONNECTED' | 'GONE';
  /** It takes no more work. */
  draining: boolean;
  health: Health;
  /** Why it takes no work for now, as it says itself. */
  paused: string | null;
  /** As it said last; null when it did not. */
  freeDiskBytes: number | null;
  /** What it cannot remove, as it said last. */
  numUnremovable: number;
  /** Milliseconds; of its last signed word. */
  lastSeen: number;
  /** The same in the time in which the master listened; see ListenedTime. */
  heardAt: number;
  readonly leases: Map<LeaseId, ActiveLease>;
  /** The highest number of its questions. */
  lastPoll: number;
  /** Its newest question, while that is being answered or held. */
  poll: object | null;
  /** Those before it whose answers it still waits for: they bring what was taken for them. */
  openPolls: ReadonlySet<number>;
  /** What it was told and still names: it takes time to end processes, and to run a teardown. Only what it was not
   *  told yet is a reason to answer at once. */
  readonly toldCancel: Set<LeaseId>;
  readonly toldInterrupt: Set<LeaseId>;
  readonly toldRelease: Set<BuildId>;
  toldDrain: boolean;
}
