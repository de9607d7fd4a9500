import type { BuildState } from '../protocol/build.js';
import { type BuildId, type LeaseId, type SlaveId, type SubjobId, toId } from '../protocol/ids.js';
import { type BuildProgress, enterState, type StateTimestamps } from './build.js';
import type { Expectation } from './expectation.js';
import { IndexPool } from './index-pool.js';
import { complete, giveBack, type LeasedTask, loseLease, newTask, type Task, takeLease } from './lease.js';
import { SubjobQueue } from './subjob-queue.js';

export interface Subjob extends Expectation {
  /** How many. */
  readonly atoms: number;
  readonly task: Task;
  /** The executor index that its lease occupies; null while it is not leased. */
  readonly executorIndex: number | null;
  /** The slave on which its atom failed: it should run on another now. */
  readonly shunned?: SlaveId;
}

export interface Limits {
  readonly maxExecutors: number;
  readonly maxExecutorsPerSlave: number;
}

export const noLimits: Limits = { maxExecutors: Infinity, maxExecutorsPerSlave: Infinity };

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
  #progress: BuildProgress;
  #preparation: Task;
  #limits: Limits = noLimits;
  #subjobs: Subjob[] = [];
  #queue = new SubjobQueue(0, 0, () => false);
  readonly #indexes = new IndexPool();
  readonly #runningOn = new Map<SlaveId, number>();
  /** Slaves that have had work of it, and so have fetched it and mostly set it up. */
  readonly #openedOn = new Set<SlaveId>();
  #running = 0;
  #done = 0;
  #hasRetries = false;
  #secondsOfUndone: number | null = null;

  constructor(id: BuildId, progress: BuildProgress, preparation: Task = newTask, priority = 0) {
    this.id = id;
    this.priority = priority;
    this.#progress = progress;
    this.#preparation = preparation;
    if (preparation.kind === 'leased') {
      this.#occupy(preparation.slave);
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
  get limits(): Limits {
    return this.#limits;
  }
  /** Executors that work on it now. */
  get running(): number {
    return this.#running;
  }
  get queued(): number {
    return this.#queue.size;
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
    return this.#secondsOfUndone;
  }

  runningOn(slave: SlaveId): number {
    return this.#runningOn.get(slave) ?? 0;
  }

  /** Whether the slave has had work of it: another subjob costs it no new workspace and no new setup. */
  isOpenOn(slave: SlaveId): boolean {
    return this.#openedOn.has(slave);
  }

  subjob(id: SubjobId): Subjob | undefined {
    return this.#subjobs[id];
  }

  /** `now` in seconds since the epoch. @throws Error for an impossible step. */
  enter(state: BuildState, now: number): void {
    this.#progress = enterState(this.#progress, state, now);
  }

  /** The subjobs become known, in hand-out order; also with the states that the store remembers. */
  setSubjobs(subjobs: readonly Subjob[], limits: Limits): void {
    this.#subjobs = [...subjobs];
    this.#limits = limits;
    let queued = 0;
    let undone: number | null = 0;
    for (const { task, expected, executorIndex } of subjobs) {
      queued += task.kind === 'queued' ? 1 : 0;
      if (task.kind === 'done') {
        this.#done += 1;
        continue;
      }
      undone = sumOfSeconds(undone, expected);
      if (task.kind === 'leased') {
        this.#occupy(task.slave);
        this.#indexes.reserve(executorIndex ?? 0);
      }
    }
    this.#secondsOfUndone = undone;
    this.#queue = new SubjobQueue(
      subjobs.length,
      queued,
      (index) => this.#subjobs[index]?.task.kind === 'queued',
    );
  }

  takePreparation(lease: LeaseId, slave: SlaveId): LeasedTask {
    const task = takeLease(this.#preparation, lease, slave);
    this.#preparation = task;
    this.#occupy(slave);
    return task;
  }

  endPreparation(how: LeaseEnd): Task {
    this.#leave(this.#preparation);
    this.#preparation = afterLease(this.#preparation, how);
    return this.#preparation;
  }

  /** Subjobs for atoms that run again, one each. `shunned` is the slave on which they failed. Answers their ids. */
  addRetries(expectations: readonly Expectation[], shunned: SlaveId): SubjobId[] {
    this.#hasRetries ||= expectations.length > 0;
    return expectations.map((expectation) => {
      const id = toId.subjob(this.#subjobs.length);
      this.#subjobs.push({ atoms: 1, ...expectation, task: newTask, executorIndex: null, shunned });
      this.#secondsOfUndone = sumOfSeconds(this.#secondsOfUndone, expectation.expected);
      this.#queue.putBack(id);
      return id;
    });
  }

  /** Some of its subjobs should not run on any slave. */
  get hasRetries(): boolean {
    return this.#hasRetries;
  }

  /** Leases the next subjob; null when none is queued, or with `takesShunned` false none that may run anywhere. */
  takeSubjob(
    lease: LeaseId,
    slave: SlaveId,
    takesShunned = true,
  ): { id: SubjobId; task: LeasedTask; executorIndex: number } | null {
    const index = this.#queue.take((at) => this.#subjobs[at]?.shunned === slave, takesShunned);
    if (index === null) {
      return null;
    }
    const id = toId.subjob(index);
    const subjob = this.#known(id);
    const task = takeLease(subjob.task, lease, slave);
    const executorIndex = this.#indexes.take();
    this.#subjobs[index] = { ...subjob, task, executorIndex };
    this.#occupy(slave);
    return { id, task, executorIndex };
  }

  /** @throws Error when it is not leased. */
  endSubjob(id: SubjobId, how: LeaseEnd): Task {
    const subjob = this.#known(id);
    const task = afterLease(subjob.task, how);
    this.#leave(subjob.task);
    if (subjob.executorIndex !== null) {
      this.#indexes.release(subjob.executorIndex);
    }
    this.#subjobs[id] = { ...subjob, task, executorIndex: null };
    if (task.kind === 'queued') {
      this.#queue.putBack(id);
    } else {
      this.#done += 1;
      if (this.#secondsOfUndone !== null) {
        this.#secondsOfUndone = Math.max(0, this.#secondsOfUndone - (subjob.expected ?? 0));
      }
    }
    return task;
  }

  #known(id: SubjobId): Subjob {
    const subjob = this.#subjobs[id];
    if (subjob === undefined) {
      throw new Error(`Build ${this.id} has no subjob ${id}.`);
    }
    return subjob;
  }

  #occupy(slave: SlaveId): void {
    this.#openedOn.add(slave);
    this.#running += 1;
    this.#runningOn.set(slave, this.runningOn(slave) + 1);
  }

  #leave(task: Task): void {
    if (task.kind !== 'leased') {
      throw new Error(`Build ${this.id} has no such lease.`);
    }
    this.#running -= 1;
    const left = this.runningOn(task.slave) - 1;
    if (left === 0) {
      this.#runningOn.delete(task.slave);
    } else {
      this.#runningOn.set(task.slave, left);
    }
  }
}

/** null: unknown. */
function sumOfSeconds(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one + other;
}

export type LeaseEnd =
  | { readonly kind: 'completed' }
  | { readonly kind: 'given back' }
  | { readonly kind: 'lost'; readonly slaveName: string };

function afterLease(task: Task, how: LeaseEnd): Task {
  switch (how.kind) {
    case 'completed':
      return complete(task);
    case 'given back':
      return giveBack(task);
    case 'lost':
      return loseLease(task, how.slaveName);
  }
}
