import type { BuildWork } from '../../domain/build-work.js';
import { RecentFailures } from '../../domain/recent-failures.js';
import { ReportedVerdicts } from '../../domain/reported-verdicts.js';
import type { Affected, BuildRequest } from '../../protocol/build/build.js';
import type { NamedJob } from '../../protocol/build/job.js';
import type { Project, RemoteFile } from '../../protocol/build/project.js';
import type { Revision } from '../../protocol/build/revision.js';
import type { BuildId, SlaveId, SubjobId } from '../../protocol/ids.js';
import { addFacts, noFacts, type ResultFacts } from '../../protocol/results/result-facts.js';
import type { ReturnedLease } from '../../protocol/slave/slave-messages.js';
import { AtomChanges } from './atom-changes.js';

/** The facts that the preparation finds out. */
export interface PreparedBuild {
  /** With the commit that the preparing slave resolved. */
  readonly project: Project;
  readonly revision: Revision | null;
  readonly job: NamedJob | null;
  readonly numAtoms: number | null;
  /** null where the request names no changed files. */
  readonly affected: Affected | null;
  /** Atoms that the changed files affect and that are to run first. */
  readonly affectedAtoms: ReadonlySet<number>;
  /** When it became BUILDING, in milliseconds of the monotonic clock. */
  readonly buildingSince: number | null;
  /** The digest of the surroundings of its preparation; null when it caches no atoms. */
  readonly surroundings: string | null;
}

/** Atoms with a final verdict, and what was spent on them. */
export interface AtomCounts {
  readonly done: number;
  readonly failed: number;
  /** Included in `failed`. */
  readonly lost: number;
  /** They failed, and passed when they were run again. */
  readonly flaky: number;
  /** They passed without a run; included in `done`. */
  readonly cached: number;
  /** How many atoms were run again. */
  readonly retries: number;
}

export interface AcceptedResults {
  readonly counts: AtomCounts;
  /** The sum for all atoms with a final verdict. */
  readonly facts: ResultFacts;
  /** The size of all archives. */
  readonly bytes: number;
  /** The subjobs whose results the store has, in the order in which they came. */
  readonly delivered: readonly SubjobId[];
}

/** How a build ends before its work, and the message that says why. */
export interface EarlyEnd {
  readonly state: 'CANCELED' | 'ERROR';
  readonly message: string;
}

type Refusal = Pick<ReturnedLease, 'reason' | 'output'>;

interface BuildFacts {
  readonly id: BuildId;
  readonly work: BuildWork;
  readonly request: BuildRequest;
  readonly project: Project;
  readonly remoteFiles: readonly RemoteFile[];
}

/** The stored facts about a build that began before the master was restarted. */
interface RecoveredFacts {
  readonly prepared: PreparedBuild;
  readonly results: AcceptedResults;
  readonly reported: ReportedVerdicts;
  readonly failures: RecentFailures;
}

const noCounts: AtomCounts = { done: 0, failed: 0, lost: 0, flaky: 0, cached: 0, retries: 0 };

/** An unfinished build in the memory of the master. */
export class ActiveBuild {
  readonly id: BuildId;
  readonly work: BuildWork;
  readonly request: BuildRequest;
  readonly remoteFiles: readonly RemoteFile[];
  /** Verdicts that are not final, as the store has them. */
  readonly reported: ReportedVerdicts;
  /** For people who watch the build. */
  readonly failures: RecentFailures;
  /** For people who watch its timeline. */
  readonly changes = new AtomChanges();
  #prepared: PreparedBuild;
  #counts: AtomCounts;
  #resultFacts: ResultFacts;
  #resultBytes: number;
  readonly #delivered: SubjobId[];
  readonly #refusals = new Map<string, Refusal>();
  #stopping: (EarlyEnd & { readonly until: number }) | null = null;
  #ending: Promise<unknown> | null = null;

  constructor({ id, work, request, project, remoteFiles }: BuildFacts, recovered?: RecoveredFacts) {
    this.id = id;
    this.work = work;
    this.request = request;
    this.remoteFiles = remoteFiles;
    this.reported = recovered?.reported ?? new ReportedVerdicts();
    this.failures = recovered?.failures ?? new RecentFailures();
    const unprepared = {
      project,
      revision: null,
      job: null,
      numAtoms: null,
      affected: null,
      affectedAtoms: new Set<number>(),
      buildingSince: null,
      surroundings: null,
    };
    this.#prepared = recovered?.prepared ?? unprepared;
    this.#counts = recovered?.results.counts ?? noCounts;
    this.#resultFacts = recovered?.results.facts ?? noFacts;
    this.#resultBytes = recovered?.results.bytes ?? 0;
    this.#delivered = [...(recovered?.results.delivered ?? [])];
  }

  get project(): Project {
    return this.#prepared.project;
  }
  get revision(): Revision | null {
    return this.#prepared.revision;
  }
  /** null until prepared. */
  get job(): NamedJob | null {
    return this.#prepared.job;
  }
  /** null until prepared. */
  get numAtoms(): number | null {
    return this.#prepared.numAtoms;
  }
  get affected(): Affected | null {
    return this.#prepared.affected;
  }
  get affectedAtoms(): ReadonlySet<number> {
    return this.#prepared.affectedAtoms;
  }
  /** When it became BUILDING, in milliseconds of the monotonic clock; null before. */
  get buildingSince(): number | null {
    return this.#prepared.buildingSince;
  }
  /** The digest of the surroundings of its preparation; null before, and when it caches no atoms. */
  get surroundings(): string | null {
    return this.#prepared.surroundings;
  }
  get counts(): AtomCounts {
    return this.#counts;
  }
  /** The sum for all atoms with a final verdict. */
  get resultFacts(): ResultFacts {
    return this.#resultFacts;
  }
  /** The size of all accepted archives. */
  get resultBytes(): number {
    return this.#resultBytes;
  }
  /** The subjobs whose results the store has, in the order in which they came. */
  get delivered(): readonly SubjobId[] {
    return this.#delivered;
  }
  /** The refusals of slaves that could not run it, by the slaves' names, the latest last. */
  get refusals(): ReadonlyMap<string, Refusal> {
    return this.#refusals;
  }
  /** Set while it is ended early: how, and until when slaves may deliver, in milliseconds of the monotonic clock. */
  get stopping(): (EarlyEnd & { readonly until: number }) | null {
    return this.#stopping;
  }
  /** Set once its end is decided; resolves when the store has the end. */
  get ending(): Promise<unknown> | null {
    return this.#ending;
  }

  /** `cached`: how many of its atoms have passed without a run. */
  begin(prepared: PreparedBuild, cached: number): void {
    this.#prepared = prepared;
    this.#addCounts({ ...noCounts, done: cached, cached });
  }

  /** A result was accepted: `counts` and `facts` of its atoms, and the size of its archive. */
  addResult(counts: Omit<AtomCounts, 'cached'>, facts: readonly ResultFacts[], bytes: number): void {
    this.#addCounts({ cached: 0, ...counts });
    this.#resultFacts = facts.reduce(addFacts, this.#resultFacts);
    this.#resultBytes += bytes;
  }

  /** The store has the result of the subjob. */
  addDelivered(subjob: SubjobId): void {
    this.#delivered.push(subjob);
  }

  /**
   * A subjob has failed for good, since too many slaves were lost with it. Its reported verdicts become final; the other
   * atoms are lost.
   */
  loseSubjob(subjob: SubjobId): { readonly lost: number; readonly failed: number } {
    const atoms = this.work.subjob(subjob)?.atoms ?? 0;
    const { reported, failed } = this.reported.settle(subjob);
    const lost = atoms - reported;
    this.#addCounts({ ...noCounts, done: atoms, failed: lost + failed, lost });
    return { lost, failed };
  }

  /** The build is not given to this slave again; see BuildWork.refusedBy. `name` is how people know the slave. */
  refuse(slave: SlaveId, name: string, { reason, output }: Refusal): void {
    this.work.refuse(slave);
    this.#refusals.delete(name);
    this.#refusals.set(name, { reason, output });
  }

  /** Nothing of it is handed out any more; slaves may deliver until `until`, in milliseconds of the monotonic clock. */
  stop(end: EarlyEnd, until: number): void {
    this.#stopping = { ...end, until };
    this.work.stop();
  }

  /** Its end is decided; `committed` resolves when the store has it. */
  end(committed: Promise<unknown>): void {
    this.#ending = committed;
  }

  #addCounts(more: AtomCounts): void {
    const { done, failed, lost, flaky, cached, retries } = this.#counts;
    this.#counts = {
      done: done + more.done,
      failed: failed + more.failed,
      lost: lost + more.lost,
      flaky: flaky + more.flaky,
      cached: cached + more.cached,
      retries: retries + more.retries,
    };
  }
}
