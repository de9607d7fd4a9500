import type { BuildState } from '../protocol/build/build.js';
import { type BuildId, type LeaseId, type SlaveId, type SubjobId, toId } from '../protocol/ids.js';
import { type BuildProgress, enterState, type StateTimestamps } from './build-state.js';
import {
  afterBegin,
  afterLease,
  duplicateLease,
  type LeasedTask,
  type LeaseEnd,
  newTask,
  type Task,
  type TaskName,
  takeLease,
} from './lease.js';
import { Doubts } from './scheduling/doubts.js';
import type { DurationEstimate } from './scheduling/duration-estimate.js';
import { type GroupingPlan, isOutdated, type Regrouped } from './scheduling/grouping-plan.js';
import { HeldExecutors } from './scheduling/held-executors.js';
import { type Ended, nothingEnded, RemainingTimeEstimator } from './scheduling/remaining-time.js';
import { SetupCost, type SetupNeeded } from './scheduling/setup-cost.js';
import { worstStraggler } from './scheduling/straggler.js';
import { SubjobQueue } from './scheduling/subjob-queue.js';

export interface SubjobWork extends DurationEstimate {
  /** How many. */
  readonly atoms: number;
  readonly task: Task;
  /** Its atoms were begun before in another subjob, so it is not regrouped. */
  readonly isRepeat?: boolean;
  /** Its atom failed on this slave, and should run on another one now. */
  readonly excludedSlave?: SlaveId;
}

export interface ExecutorLimits {
  readonly maxExecutors: number;
  readonly maxExecutorsPerSlave: number;
  /** true: subjobs that take far too long may start a second time on another slave. false: none may run twice at once. */
  readonly speculative?: boolean;
}

export const unlimitedExecutors: ExecutorLimits = { maxExecutors: Infinity, maxExecutorsPerSlave: Infinity };

/** A lease of a subjob that was taken just now. */
export interface TakenSubjob {
  readonly subjob: SubjobId;
  readonly lease: LeaseId;
  readonly attempt: number;
  readonly executorIndex: number;
  readonly setupNeeded: SetupNeeded;
}

/**
 * One unfinished build as the scheduler sees it: its state, the leases of its preparation and its subjobs, and how many
 * executors it holds, in all and on each slave. A preparation counts as one executor.
 */
export class BuildWork {
  readonly id: BuildId;
  /** Each step doubles the build's share of executors. */
  readonly priority: number;
  /** The cost of beginning on one more slave. */
  readonly setup = new SetupCost();
  readonly #refusedBy = new Set<SlaveId>();
  #progress: BuildProgress;
  #preparation: Task;
  #limits: ExecutorLimits = unlimitedExecutors;
  #plan: GroupingPlan = { executors: 1, assumed: null };
  #subjobs: SubjobWork[] = [];
  #queue = new SubjobQueue([]);
  readonly #executors = new HeldExecutors();
  readonly #remaining = new RemainingTimeEstimator();
  readonly #leased = new Set<SubjobId>();
  readonly #doubts = new Doubts((id) => this.#known(id));
  #duplicates = 0;
  #done = 0;
  #hasRetries = false;
  #isStopped = false;
  #waitingAtoms = 0;

  constructor(
    id: BuildId,
    progress: BuildProgress,
    preparation: Task = newTask('preparation'),
    priority = 0,
  ) {
    this.id = id;
    this.priority = priority;
    this.#progress = progress;
    this.#preparation = preparation;
    for (const { slave } of preparation.holders) {
      this.#executors.add(slave);
      this.setup.prepare(slave);
    }
  }

  get state(): BuildState {
    return this.#progress.state;
  }
  get timestamps(): StateTimestamps {
    return this.#progress.timestamps;
  }
  get preparation(): Task {
    return this.#preparation;
  }
  /** Slaves that could not run this build, and do not get it again. */
  get refusedBy(): ReadonlySet<SlaveId> {
    return this.#refusedBy;
  }
  get limits(): ExecutorLimits {
    return this.#limits;
  }
  /** Executors that work on it now. */
  get running(): number {
    return this.#executors.total;
  }
  /** The same without those of suspect slaves. */
  get surelyRunning(): number {
    return this.#executors.totalWithout(this.#doubts.suspects);
  }
  /** Executors that run the second lease of a subjob. */
  get duplicates(): number {
    return this.#duplicates;
  }
  /** Subjobs that may be handed out. */
  get queued(): number {
    return this.#isStopped ? 0 : this.#queue.size;
  }
  /** Subjobs that only suspect slaves hold, and others may start too. */
  get inDoubt(): number {
    return this.#isStopped || this.#limits.speculative === false ? 0 : this.#doubts.size;
  }
  get isPreparationInDoubt(): boolean {
    return this.#doubts.isInDoubt(this.#preparation);
  }
  get done(): number {
    return this.#done;
  }
  /** null before the subjobs are known. */
  get total(): number | null {
    return this.#progress.timestamps.BUILDING === undefined ? null : this.#subjobs.length;
  }
  get isComplete(): boolean {
    return this.#done === this.#subjobs.length;
  }
  /** Expected seconds of all subjobs without a verdict; null without history. */
  get secondsOfUndone(): number | null {
    return this.#remaining.secondsOfUndone;
  }
  /** The same, or without history what the atoms that have ended suggest. */
  get secondsOfRest(): number | null {
    return this.#remaining.secondsOfRest;
  }
  /** The same for people; see RemainingTimeEstimator. */
  secondsAfter(reported: Ended): number | null {
    return this.#remaining.restAfter(reported);
  }
  /** Atoms of the subjobs that were never leased. */
  get waitingAtoms(): number {
    return this.#waitingAtoms;
  }
  /** The subjobs that were never leased, ascending. */
  get waiting(): SubjobId[] {
    return this.#queue.fresh.map(toId.subjob);
  }
  /** Some of its subjobs should not run on some slave. */
  get hasRetries(): boolean {
    return this.#hasRetries;
  }

  runningOn(slave: SlaveId): number {
    return this.#executors.on(slave);
  }

  subjob(id: SubjobId): SubjobWork | undefined {
    return this.#subjobs[id];
  }

  task(name: TaskName): Task | undefined {
    return name.kind === 'preparation' ? this.#preparation : this.#subjobs[name.subjob]?.task;
  }

  /** `now` in seconds since the epoch. @throws Error for an impossible step. */
  enter(state: BuildState, now: number): void {
    this.#progress = enterState(this.#progress, state, now);
  }

  /** Sets the subjobs in hand-out order, with their tasks and what has ended if the store remembers a part of the build. */
  setSubjobs(
    subjobs: readonly SubjobWork[],
    limits: ExecutorLimits,
    plan: GroupingPlan = { executors: 1, assumed: null },
    ended: Ended = nothingEnded,
  ): void {
    this.#remaining.seed(ended);
    this.#subjobs = [...subjobs];
    this.#limits = limits;
    this.#plan = plan;
    const fresh: number[] = [];
    const returned: number[] = [];
    subjobs.forEach(({ task, atoms, isRepeat }, index) => {
      if (task.state === 'done') {
        this.#done += 1;
        return;
      }
      if (task.state === 'queued') {
        const isFresh = task.attempts === 0 && isRepeat !== true;
        (isFresh ? fresh : returned).push(index);
        this.#waitingAtoms += isFresh ? atoms : 0;
        return;
      }
      this.#leased.add(toId.subjob(index));
      for (const { slave, executorIndex } of task.holders) {
        this.setup.run(slave);
        this.#executors.reserve(slave, executorIndex ?? 0);
      }
      this.#duplicates += task.holders.length - 1;
    });
    this.#queue = new SubjobQueue(fresh, returned);
    this.#resetEstimate();
  }

  /** Takes a second lease where another slave has one. @throws Error as takeLease and duplicateLease */
  takePreparation(lease: LeaseId, slave: SlaveId): LeasedTask {
    const take = this.#preparation.state === 'leased' ? duplicateLease : takeLease;
    const task = take(this.#preparation, lease, slave);
    this.#preparation = task;
    this.setup.prepare(slave);
    this.#executors.add(slave);
    return task;
  }

  /** Adds one subjob for each atom that runs again. `excludedSlave` is the one on which they failed. @returns their ids */
  addRetries(estimates: readonly DurationEstimate[], excludedSlave: SlaveId): SubjobId[] {
    this.#hasRetries ||= estimates.length > 0;
    return estimates.map((estimate) => this.#addRepeat({ atoms: 1, ...estimate, excludedSlave }));
  }

  /** Adds a subjob for atoms that a slave left unfinished of another one, which has its verdicts. */
  addRest(atoms: number, estimate: DurationEstimate): SubjobId {
    return this.#addRepeat({ atoms, ...estimate });
  }

  #addRepeat(facts: Omit<SubjobWork, 'task' | 'isRepeat'>): SubjobId {
    const id = toId.subjob(this.#subjobs.length);
    const subjob = { ...facts, task: newTask('subjob'), isRepeat: true };
    this.#subjobs.push(subjob);
    this.#remaining.add(subjob);
    this.#queue.putBack(id);
    return id;
  }

  refuse(slave: SlaveId): void {
    this.#refusedBy.add(slave);
  }

  /** Nothing of it is handed out from now on. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Leases the next subjob; null when none is queued, or with `allowExcluded` false none that may run anywhere. */
  takeSubjob(lease: LeaseId, slave: SlaveId, allowExcluded = true): TakenSubjob | null {
    if (this.#isStopped) {
      return null;
    }
    const index = this.#queue.take((at) => this.#subjobs[at]?.excludedSlave === slave, allowExcluded);
    if (index === null) {
      return null;
    }
    const id = toId.subjob(index);
    const { task, atoms, isRepeat } = this.#known(id);
    if (task.attempts === 0 && isRepeat !== true) {
      this.#waitingAtoms -= atoms;
    }
    this.#leased.add(id);
    return this.#lease(id, lease, slave, takeLease);
  }

  /** Leases a subjob a second time, beside the slave that holds it. @throws Error as duplicateLease */
  takeDuplicate(id: SubjobId, lease: LeaseId, slave: SlaveId): TakenSubjob {
    const taken = this.#lease(id, lease, slave, duplicateLease);
    this.#duplicates += 1;
    return taken;
  }

  #lease(id: SubjobId, lease: LeaseId, slave: SlaveId, take: typeof takeLease): TakenSubjob {
    const executorIndex = this.#executors.take(slave);
    const task = take(this.#known(id).task, lease, slave, executorIndex);
    this.#setTask(id, task);
    return { subjob: id, lease, attempt: task.attempts, executorIndex, setupNeeded: this.setup.run(slave) };
  }

  /** See worstStraggler; null also when the build has no duplicates. `now` in seconds of the monotonic clock. */
  findStraggler(slave: SlaveId, now: number): SubjobId | null {
    if (this.#limits.speculative !== true || this.#isStopped) {
      return null;
    }
    const setupSeconds = this.setup.isOpenOn(slave) ? 0 : (this.setup.seconds ?? 0);
    const find = (id: SubjobId) => this.#known(id);
    const estimate = (subjob: SubjobWork) => this.#remaining.estimateFor(subjob);
    return worstStraggler(this.#leased, { find, estimate }, { slave, setupSeconds, now });
  }

  /** The slave is suspect from now on: other slaves may start what it holds too. */
  suspect(slave: SlaveId): void {
    this.#doubts.suspect(slave, this.#leased);
  }

  trust(slave: SlaveId): void {
    this.#doubts.trust(slave, this.#leased);
  }

  /** A subjob in doubt that may start on this slave too; null when there is none. `allowExcluded` as in takeSubjob. */
  findInDoubt(slave: SlaveId, allowExcluded = true): SubjobId | null {
    return this.inDoubt === 0 ? null : this.#doubts.findFor(slave, allowExcluded);
  }

  /** An atom of the subjob runs under this lease since `now`, in seconds of the monotonic clock. */
  noteBegan(id: SubjobId, lease: LeaseId, now: number): void {
    this.#setTask(id, afterBegin(this.#known(id).task, lease, now));
  }

  /**
   * Ends a lease; one that delivered the verdict also ends the other holder's. `actual`: seconds that the atoms took then.
   * @throws Error when nobody holds the lease.
   */
  endLease(name: TaskName, lease: LeaseId, how: LeaseEnd, actual = 0): Task {
    const before = this.#knownTask(name);
    const task = afterLease(before, lease, how);
    const kept = new Set(task.holders.map((holder) => holder.lease));
    for (const { lease: held, slave, executorIndex } of before.holders) {
      if (!kept.has(held)) {
        this.#executors.release(slave, executorIndex);
      }
    }
    if (name.kind === 'preparation') {
      this.#preparation = task;
      return task;
    }
    const id = name.subjob;
    const subjob = this.#setTask(id, task);
    this.#duplicates -= before.holders.length - 1;
    if (task.state !== 'leased') {
      this.#leased.delete(id);
    }
    if (task.state === 'queued') {
      this.#queue.putBack(id);
    } else if (task.state === 'done') {
      this.#done += 1;
      this.#remaining.end(subjob, how.kind === 'completed' ? actual : null);
    }
    return task;
  }

  /** Whether other groups should be made of what waits, for `executors` that could work on it; as before unless given. */
  needsRegrouping(executors = this.#plan.executors): boolean {
    return (
      !this.#isStopped && this.#waitingAtoms > 1 && isOutdated(this.#plan, executors, this.#remaining.learned)
    );
  }

  /** The assumptions of groups for so many executors. */
  planFor(executors: number): GroupingPlan {
    return { executors, assumed: this.#remaining.learned };
  }

  /** Other groups replace the subjobs that were never leased; see regroup. */
  replaceWaiting({ groups, dropped }: Regrouped, plan: GroupingPlan): void {
    this.#plan = plan;
    this.#subjobs.length -= dropped.length;
    for (const { id, atoms, expected, stdDev } of groups) {
      this.#subjobs[id] = { atoms: atoms.length, expected, stdDev, task: newTask('subjob') };
    }
    this.#queue.replaceFresh(groups.map(({ id }) => id));
    this.#resetEstimate();
  }

  #resetEstimate(): void {
    const undone = this.#subjobs.filter(({ task }) => task.state !== 'done');
    this.#remaining.reset(undone, this.#plan.assumed !== null);
  }

  #setTask(id: SubjobId, task: Task): SubjobWork {
    const subjob = { ...this.#known(id), task };
    this.#subjobs[id] = subjob;
    this.#doubts.note(id);
    return subjob;
  }

  #known(id: SubjobId): SubjobWork {
    const subjob = this.#subjobs[id];
    if (subjob === undefined) {
      throw new Error(`Build ${this.id} has no subjob ${id}.`);
    }
    return subjob;
  }

  #knownTask(name: TaskName): Task {
    return name.kind === 'preparation' ? this.#preparation : this.#known(name.subjob).task;
  }
}
