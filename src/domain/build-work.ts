import type { BuildState } from '../protocol/build/build.js';
import { type BuildId, type LeaseId, type SlaveId, type SubjobId, toId } from '../protocol/ids.js';
import { type BuildProgress, enterState, type StateTimestamps } from './build-state.js';
import {
  complete,
  duplicateLease,
  type Holder,
  holdersOf,
  type LeasedTask,
  loseLease,
  newTask,
  returnLease,
  type Task,
  takeLease,
} from './lease.js';
import type { DurationEstimate } from './scheduling/duration-estimate.js';
import { type GroupingPlan, isOutdated, type Regrouped } from './scheduling/grouping-plan.js';
import { HeldExecutors } from './scheduling/held-executors.js';
import { type Ended, nothingEnded, RemainingTimeEstimator } from './scheduling/remaining-time.js';
import { SetupCost, type SetupNeeded } from './scheduling/setup-cost.js';
import { overdueAfter } from './scheduling/straggler.js';
import { SubjobQueue } from './scheduling/subjob-queue.js';

export interface SubjobWork extends DurationEstimate {
  /** How many. */
  readonly atoms: number;
  readonly task: Task;
  /** The executor index that its lease occupies; null while it is not leased. */
  readonly executorIndex: number | null;
  /** The same of its duplicate. */
  readonly duplicateIndex?: number | null;
  /** When an atom of it was first seen to run under its lease, in seconds by the clock that nobody sets. */
  readonly began?: number | null;
  /** The same of its duplicate. */
  readonly duplicateBegan?: number | null;
  /** Its atoms were begun before in another subjob: it is not regrouped. */
  readonly isRepeat?: boolean;
  /** The slave on which its atom failed: it should run on another now. */
  readonly excludedSlave?: SlaveId;
}

export interface ExecutorLimits {
  readonly maxExecutors: number;
  readonly maxExecutorsPerSlave: number;
  /** Subjobs that take far too long may start a second time on another slave. */
  readonly speculative?: boolean;
}

export const unlimited: ExecutorLimits = { maxExecutors: Infinity, maxExecutorsPerSlave: Infinity };

/** A lease that was taken of a subjob. */
export interface TakenSubjob {
  readonly id: SubjobId;
  readonly task: Holder;
  readonly executorIndex: number;
  readonly setupNeeded: SetupNeeded;
}

const noDuplicate = { duplicateIndex: null, duplicateBegan: null } as const;

/**
 * One unfinished build as the scheduler sees it: its state, the leases of its preparation and its subjobs, and how
 * many executors it holds, in all and on each slave. A preparation counts as one executor.
 */
export class BuildWork {
  readonly id: BuildId;
  /** Each step doubles the share of executors that it gets beside other builds. */
  readonly priority: number;
  /** Slaves that could not run this build; it is not given to them again. */
  readonly refusedBy = new Set<SlaveId>();
  /** What beginning on one more slave costs. */
  readonly setup = new SetupCost();
  #progress: BuildProgress;
  #preparation: Task;
  #limits: ExecutorLimits = unlimited;
  #plan: GroupingPlan = { executors: 1, assumed: null };
  #subjobs: SubjobWork[] = [];
  #queue = new SubjobQueue([]);
  readonly #held = new HeldExecutors();
  readonly #outlook = new RemainingTimeEstimator();
  /** Those that are leased. */
  readonly #leased = new Set<SubjobId>();
  #duplicates = 0;
  #done = 0;
  #hasRetries = false;
  #isStopped = false;
  /** Of the subjobs that nobody was ever given. */
  #waitingAtoms = 0;

  constructor(id: BuildId, progress: BuildProgress, preparation: Task = newTask, priority = 0) {
    this.id = id;
    this.priority = priority;
    this.#progress = progress;
    this.#preparation = preparation;
    if (preparation.kind === 'leased') {
      this.#held.count(preparation.slave, 1);
      this.setup.prepare(preparation.slave);
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
  get limits(): ExecutorLimits {
    return this.#limits;
  }
  /** Executors that work on it now. */
  get running(): number {
    return this.#held.total;
  }
  /** Of these, those that run what another one runs too. */
  get duplicates(): number {
    return this.#duplicates;
  }
  /** Subjobs that may be handed out. */
  get queued(): number {
    return this.#isStopped ? 0 : this.#queue.size;
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
    return this.#outlook.secondsOfUndone;
  }
  /** The same, or without history as far as can be told from the atoms that have ended. */
  get secondsOfRest(): number | null {
    return this.#outlook.secondsOfRest;
  }
  /** The same for people; see RemainingTimeEstimator. */
  secondsAfter(reported: Ended): number | null {
    return this.#outlook.restAfter(reported);
  }
  /** Atoms of the subjobs that nobody was ever given. */
  get waitingAtoms(): number {
    return this.#waitingAtoms;
  }
  /** The subjobs that nobody was ever given, ascending. */
  get waiting(): SubjobId[] {
    return this.#queue.fresh.map(toId.subjob);
  }

  runningOn(slave: SlaveId): number {
    return this.#held.on(slave);
  }

  subjob(id: SubjobId): SubjobWork | undefined {
    return this.#subjobs[id];
  }

  /** `now` in seconds since the epoch. @throws Error for an impossible step. */
  enter(state: BuildState, now: number): void {
    this.#progress = enterState(this.#progress, state, now);
  }

  /** The subjobs become known, in hand-out order; also with the states, and what has ended, that the store remembers. */
  setSubjobs(
    subjobs: readonly SubjobWork[],
    limits: ExecutorLimits,
    plan: GroupingPlan = { executors: 1, assumed: null },
    ended: Ended = nothingEnded,
  ): void {
    this.#outlook.recall(ended);
    this.#subjobs = [...subjobs];
    this.#limits = limits;
    this.#plan = plan;
    const fresh: number[] = [];
    const returned: number[] = [];
    subjobs.forEach(({ task, atoms, executorIndex, duplicateIndex, isRepeat }, index) => {
      if (task.kind === 'done') {
        this.#done += 1;
        return;
      }
      if (task.kind === 'queued') {
        const isFresh = task.attempt === 0 && isRepeat !== true;
        (isFresh ? fresh : returned).push(index);
        this.#waitingAtoms += isFresh ? atoms : 0;
        return;
      }
      this.#leased.add(toId.subjob(index));
      const indexes = [executorIndex, duplicateIndex];
      holdersOf(task).forEach(({ slave }, place) => {
        this.setup.run(slave);
        this.#held.reserve(slave, indexes[place] ?? 0);
      });
      this.#duplicates += task.duplicate === null ? 0 : 1;
    });
    this.#queue = new SubjobQueue(fresh, returned);
    this.#lookOut();
  }

  takePreparation(lease: LeaseId, slave: SlaveId): LeasedTask {
    const task = takeLease(this.#preparation, lease, slave);
    this.#preparation = task;
    this.setup.prepare(slave);
    this.#held.count(slave, 1);
    return task;
  }

  endPreparation(how: LeaseEnd): Task {
    const task = this.#preparation;
    if (task.kind !== 'leased') {
      throw new Error(`Build ${this.id} has no such lease.`);
    }
    this.#held.count(task.slave, -1);
    this.#preparation = afterLease(task, task.lease, how);
    return this.#preparation;
  }

  /** Subjobs for atoms that run again, one each. `excludedSlave` is the slave on which they failed. Answers their ids. */
  addRetries(estimates: readonly DurationEstimate[], excludedSlave: SlaveId): SubjobId[] {
    this.#hasRetries ||= estimates.length > 0;
    return estimates.map((estimate) => {
      const id = toId.subjob(this.#subjobs.length);
      const subjob = {
        atoms: 1,
        ...estimate,
        task: newTask,
        executorIndex: null,
        isRepeat: true,
        excludedSlave,
      };
      this.#subjobs.push(subjob);
      this.#outlook.add(subjob);
      this.#queue.putBack(id);
      return id;
    });
  }

  /** A subjob for atoms that a slave has left of another one, which has its verdicts. */
  addRest(atoms: number, estimate: DurationEstimate): SubjobId {
    const id = toId.subjob(this.#subjobs.length);
    const subjob = { atoms, ...estimate, task: newTask, executorIndex: null, isRepeat: true };
    this.#subjobs.push(subjob);
    this.#outlook.add(subjob);
    this.#queue.putBack(id);
    return id;
  }

  /** From now on nothing of it is handed out. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Some of its subjobs should not run on any slave. */
  get hasRetries(): boolean {
    return this.#hasRetries;
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
    const subjob = this.#known(id);
    const task = takeLease(subjob.task, lease, slave);
    if (task.attempt === 1 && subjob.isRepeat !== true) {
      this.#waitingAtoms -= subjob.atoms;
    }
    const executorIndex = this.#held.take(slave);
    this.#subjobs[index] = { ...subjob, task, executorIndex, began: null, ...noDuplicate };
    this.#leased.add(id);
    return { id, task, executorIndex, setupNeeded: this.setup.run(slave) };
  }

  /** The subjob that has run the longest beyond what was expected; null when none has. `now` in seconds as `began`. */
  findStraggler(slave: SlaveId, now: number): SubjobId | null {
    if (this.#limits.speculative !== true || this.#isStopped) {
      return null;
    }
    const setupSeconds = this.setup.isOpenOn(slave) ? 0 : (this.setup.seconds ?? 0);
    let worst: { id: SubjobId; late: number } | null = null;
    for (const id of this.#leased) {
      const subjob = this.#known(id);
      const { task, began } = subjob;
      if (task.kind !== 'leased' || task.duplicate !== null || task.slave === slave) {
        continue;
      }
      const after = overdueAfter(this.#outlook.of(subjob), setupSeconds);
      const late = after === null || began === null || began === undefined ? 0 : now - began - after;
      if (late > (worst?.late ?? 0)) {
        worst = { id, late };
      }
    }
    return worst?.id ?? null;
  }

  /** Leases a subjob a second time, beside the slave that holds it. @throws Error as duplicateLease */
  takeDuplicate(id: SubjobId, lease: LeaseId, slave: SlaveId): TakenSubjob {
    const subjob = this.#known(id);
    const task = duplicateLease(subjob.task, lease, slave);
    const executorIndex = this.#held.take(slave);
    this.#subjobs[id] = { ...subjob, task, duplicateIndex: executorIndex };
    this.#duplicates += 1;
    return { id, task: task.duplicate, executorIndex, setupNeeded: this.setup.run(slave) };
  }

  /** An atom of it runs under this lease since `now`, in seconds as `began`. */
  noteBegan(id: SubjobId, lease: LeaseId, now: number): void {
    const subjob = this.#known(id);
    const [first, duplicate] = holdersOf(subjob.task);
    if (first?.lease === lease) {
      this.#subjobs[id] = { ...subjob, began: now };
    } else if (duplicate?.lease === lease) {
      this.#subjobs[id] = { ...subjob, duplicateBegan: now };
    }
  }

  /**
   * Ends a lease; when it brought the verdict also the one that is held beside it, if there is one. `actual` is what the
   * atoms took then, in seconds.
   * @throws Error when nobody holds the lease.
   */
  endSubjob(id: SubjobId, lease: LeaseId, how: LeaseEnd, actual = 0): Task {
    const subjob = this.#known(id);
    const before = holdersOf(subjob.task);
    const task = afterLease(subjob.task, lease, how);
    const after = holdersOf(task);
    const indexes = [subjob.executorIndex, subjob.duplicateIndex ?? null];
    let kept: number | null = null;
    before.forEach((holder, place) => {
      const index = indexes[place] ?? 0;
      if (after.some((other) => other.lease === holder.lease)) {
        kept = index;
      } else {
        this.#held.release(holder.slave, index);
      }
    });
    this.#duplicates -= before.length - 1;
    const isFirst = task.kind === 'leased' && task.lease === before[0]?.lease;
    const began = (isFirst ? subjob.began : subjob.duplicateBegan) ?? null;
    this.#subjobs[id] = { ...subjob, task, executorIndex: kept, began, ...noDuplicate };
    if (task.kind === 'leased') {
      return task;
    }
    this.#leased.delete(id);
    if (task.kind === 'queued') {
      this.#queue.putBack(id);
    } else {
      this.#done += 1;
      this.#outlook.end(subjob, how.kind === 'completed' ? actual : null);
    }
    return task;
  }

  /** Whether other groups should be made of what waits, now that `executors` could work on it; as many as before unless
   *  given. */
  needsRegrouping(executors = this.#plan.executors): boolean {
    return (
      !this.#isStopped && this.#waitingAtoms > 1 && isOutdated(this.#plan, executors, this.#outlook.learned)
    );
  }

  /** What groups for so many executors are to be made for. */
  planFor(executors: number): GroupingPlan {
    return { executors, assumed: this.#outlook.learned };
  }

  /** Other groups take the place of those that nobody was ever given; see regroup. */
  replaceWaiting({ groups, dropped }: Regrouped, plan: GroupingPlan): void {
    this.#plan = plan;
    this.#subjobs.length -= dropped.length;
    for (const { id, atoms, expected, stdDev } of groups) {
      const subjob = { atoms: atoms.length, expected, stdDev, task: newTask, executorIndex: null };
      this.#subjobs[id] = subjob;
    }
    this.#queue.replaceFresh(groups.map(({ id }) => id));
    this.#lookOut();
  }

  #lookOut(): void {
    const undone = this.#subjobs.filter(({ task }) => task.kind !== 'done');
    this.#outlook.isOf(undone, this.#plan.assumed !== null);
  }

  #known(id: SubjobId): SubjobWork {
    const subjob = this.#subjobs[id];
    if (subjob === undefined) {
      throw new Error(`Build ${this.id} has no subjob ${id}.`);
    }
    return subjob;
  }
}

export type LeaseEnd =
  | { readonly kind: 'completed' }
  | { readonly kind: 'given back' }
  | { readonly kind: 'lost'; readonly slaveName: string };

function afterLease(task: Task, lease: LeaseId, how: LeaseEnd): Task {
  switch (how.kind) {
    case 'completed':
      return complete(task, lease);
    case 'given back':
      return returnLease(task, lease);
    case 'lost':
      return loseLease(task, lease, how.slaveName);
  }
}
