import { resultOf } from '../../domain/build.js';
import type { BuildWork } from '../../domain/build-work.js';
import type { Holder } from '../../domain/lease.js';
import type { RecentFailures } from '../../domain/recent-failures.js';
import type { ReportedVerdicts } from '../../domain/reported-verdicts.js';
import type { Opening } from '../../domain/scheduling/setup-cost.js';
import type { Health } from '../../domain/slave-health.js';
import type { Clock } from '../../lib/clock.js';
import { seconds } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import type { BuildRequest } from '../../protocol/build.js';
import {
  type AtomId,
  type BuildId,
  type LeaseId,
  type SlaveId,
  type SubjobId,
  toId,
} from '../../protocol/ids.js';
import type { NamedJob } from '../../protocol/job.js';
import type { Project, RemoteFile } from '../../protocol/project.js';
import type { ResultFacts } from '../../protocol/results/result-facts.js';
import type { Revision } from '../../protocol/revision.js';
import type { Handback } from '../../protocol/slave.js';
import type { LeasedAtom } from '../store/atoms.js';
import type { Store } from '../store/engine/store.js';
import { BuildWatchers } from './build-watchers.js';
import type { DiskRoom } from './disk-guard.js';
import type { Metrics } from './metrics.js';
import type { ResultBounds } from './result-limits.js';
import type { SlavesInMemory } from './slave-registry.js';
import type { Journal, Step } from './state-writer.js';

/** An unfinished build, as the master holds it in memory. */
export interface BuildEntry {
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
  readonly leases: Set<Held>;
  /** It is being ended before its work: why, and until when slaves may deliver, in the steady time. */
  stopping: { readonly sentence: string; readonly until: number } | null;
  /** Set in the step that ends the build; settles when the store has the end. */
  ending: Promise<void> | null;
}

/** A lease that is not over. */
export interface Held {
  readonly task: Holder;
  readonly build: BuildEntry;
  /** null: the preparation. */
  readonly subjob: SubjobId | null;
  readonly slave: SlaveEntry;
  readonly executorIndex: number | null;
  /** That reports on it must name: the slave alone knows it. */
  readonly token: string;
  /** Milliseconds, as people read it … */
  readonly takenAt: number;
  /** … and in the steady time. */
  readonly tookAt: number;
  /** What the slave has to do before its first atom; `nothing` for a preparation. */
  readonly opening: Opening;
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
  /** Of its subjob, in order, since it was taken; null before that is committed, and after a restart of the master. */
  atoms: readonly LeasedAtom[] | null;
}

export interface SlaveEntry {
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
  readonly leases: Map<LeaseId, Held>;
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

/** What belongs in one commit: made in memory already, now to be learned by the store. */
export class Change {
  readonly steps: Step[] = [];
  /** Builds that end with it. */
  readonly ended: BuildEntry[] = [];
}

export interface ClusterParts {
  readonly store: Store;
  readonly journal: Journal;
  readonly slaves: SlavesInMemory;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly room: DiskRoom;
  /** Holds a folder for each build that has results. */
  readonly resultsDirectory: string;
  readonly resultBounds: ResultBounds;
  /** Draws what nobody but the slave that holds this lease can name. */
  readonly leaseToken: (lease: LeaseId) => string;
  /** How long slaves may take to deliver what there is of a build that is ended early; 0: it ends at once. */
  readonly endGraceMs: number;
  /** No lease was ever given with a higher id. */
  readonly lastLease: number;
  /** Called when something may have become available to slaves that wait for work. */
  readonly workAppeared: () => void;
  /** Called when slaves that wait may have to be told something about this build. */
  readonly newsOf: (build: BuildId) => void;
}

/** All that the parts of the service share. Nothing here decides. */
export class Cluster {
  readonly builds = new Map<BuildId, BuildEntry>();
  readonly held = new Map<LeaseId, Held>();
  readonly watchers = new BuildWatchers();
  readonly store: Store;
  readonly journal: Journal;
  readonly slaves: SlavesInMemory;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly room: DiskRoom;
  readonly resultsDirectory: string;
  readonly resultBounds: ResultBounds;
  readonly endGraceMs: number;
  readonly workAppeared: () => void;
  readonly newsOf: (build: BuildId) => void;
  readonly leaseToken: (lease: LeaseId) => string;
  #lastLease: number;

  constructor(parts: ClusterParts) {
    this.store = parts.store;
    this.journal = parts.journal;
    this.slaves = parts.slaves;
    this.clock = parts.clock;
    this.log = parts.log;
    this.metrics = parts.metrics;
    this.room = parts.room;
    this.resultsDirectory = parts.resultsDirectory;
    this.resultBounds = parts.resultBounds;
    this.endGraceMs = parts.endGraceMs;
    this.workAppeared = parts.workAppeared;
    this.newsOf = parts.newsOf;
    this.leaseToken = parts.leaseToken;
    this.#lastLease = parts.lastLease;
  }

  nextLease(): LeaseId {
    this.#lastLease += 1;
    return toId.lease(this.#lastLease);
  }

  /** Milliseconds, as the store's rows have it. */
  get now(): number {
    return this.clock.now();
  }

  /** Milliseconds since some moment, for what lasts: nobody sets it. */
  get steady(): number {
    return this.clock.monotonic();
  }

  /** Seconds, as the wire and build states have it. */
  get nowSeconds(): number {
    return seconds(this.clock.now());
  }

  hold(held: Held): void {
    this.watchers.changed(held.build.id);
    this.held.set(held.task.lease, held);
    held.build.leases.add(held);
    held.slave.leases.set(held.task.lease, held);
  }

  letGo(held: Held): void {
    this.watchers.changed(held.build.id);
    this.held.delete(held.task.lease);
    held.build.leases.delete(held);
    held.slave.leases.delete(held.task.lease);
  }

  /** Resolves when the store has it. Builds that ended leave the memory then, and slaves hear of it. */
  commit(change: Change): Promise<void> {
    const committed = this.journal.record(change.steps);
    for (const build of change.ended) {
      build.ending = committed;
    }
    const leave = () => {
      for (const { id, work, atomsFailed } of change.ended) {
        this.metrics.buildEnded(work.state, resultOf(work.state, atomsFailed) ?? 'FAILURE');
        this.builds.delete(id);
        this.watchers.ended(id);
        this.newsOf(id);
      }
    };
    // When it fails the journal has said so, and the entries show what this master last knew.
    committed.then(leave, () => undefined);
    return committed;
  }
}
