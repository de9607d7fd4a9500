import type { LeaseId, SlaveId, SubjobId } from '../protocol/ids.js';
import type { LeaseRef } from '../protocol/slave/slave-messages.js';

/** A task that so many slaves were lost with fails, so that a deadly test cannot take down a whole fleet. */
export const MAX_LOSSES = 3;

/** Names a task within its build. */
export type TaskName =
  | { readonly kind: 'preparation' }
  | { readonly kind: 'subjob'; readonly subjob: SubjobId };

export const preparation: TaskName = { kind: 'preparation' };

/** A lease that is held, and by whom. */
export interface Holder {
  readonly attempt: number;
  readonly lease: LeaseId;
  readonly slave: SlaveId;
  /** Unique among the executors that work on the build; null for a preparation, which needs none. */
  readonly executorIndex: number | null;
  /** When an atom was first seen to run under the lease, in seconds of the monotonic clock; null before. */
  readonly beganAt: number | null;
}

interface TaskFacts {
  readonly kind: TaskName['kind'];
  /** How many leases were ever taken. */
  readonly attempts: number;
  /** Names of the slaves that were lost while they held a lease, oldest first. */
  readonly losses: readonly string[];
}

/** Waits for a slave. `lease` is the last one that was held. */
export interface QueuedTask extends TaskFacts {
  readonly state: 'queued';
  readonly lease: LeaseId | null;
  readonly holders: readonly [];
}

/**
 * One slave works on it, or two: a task that takes too long, or whose slave is suspect, may be leased to a second slave.
 * Oldest lease first.
 */
export interface LeasedTask extends TaskFacts {
  readonly state: 'leased';
  readonly holders: readonly [Holder, ...Holder[]];
}

/**
 * Has its verdict, and changes no more. `lease` is the one that ended it; for a cached subjob, which was never leased, that of
 * the preparation.
 */
export interface DoneTask extends TaskFacts {
  readonly state: 'done';
  readonly lease: LeaseId;
  readonly ending: 'delivered' | 'lost' | 'cached';
  readonly holders: readonly [];
}

/**
 * A unit of work that can be leased: the preparation of a build, or a subjob.
 *
 *   queued ──take──► leased ──completion──► done (delivered)
 *      ▲             │ │  ▲ └──loss, the third time──► done (lost)
 *      └─────────────┘ │  │
 *       return, loss   └──┘ duplicate; return or loss of one of two
 *
 * Whichever of two holders completes it first ends both leases. A lease has no expiry of its own: every signed request
 * of a slave renews all of its leases, so the time is kept once, with the slave.
 */
export type Task = QueuedTask | LeasedTask | DoneTask;

const newTasks: Readonly<Record<TaskName['kind'], QueuedTask>> = {
  preparation: { kind: 'preparation', state: 'queued', attempts: 0, lease: null, holders: [], losses: [] },
  subjob: { kind: 'subjob', state: 'queued', attempts: 0, lease: null, holders: [], losses: [] },
};

export function newTask(kind: TaskName['kind']): QueuedTask {
  return newTasks[kind];
}

/** A subjob whose atoms count as passed without a run, by the report of the build's preparation under `lease`. */
export function cachedTask(lease: LeaseId): DoneTask {
  return { ...newTask('subjob'), state: 'done', lease, ending: 'cached' };
}

/**
 * A master that starts at `nowMs` numbers its leases from here on, unless its store knows a higher one. So two stores never
 * give the same lease, even when one was removed or is an old copy. A result that a slave still holds for the previous
 * master is refused by the next one. Allows 1024 leases a millisecond, and is exact until the year 2248.
 */
export function leaseFloor(nowMs: number): number {
  return nowMs * 1024;
}

/** @throws Error when it is not queued. */
export function takeLease(
  task: Task,
  lease: LeaseId,
  slave: SlaveId,
  executorIndex: number | null = null,
): LeasedTask {
  if (task.state !== 'queued') {
    throw new Error(`A task that is ${task.state} cannot be leased.`);
  }
  const { kind, losses } = task;
  const attempts = task.attempts + 1;
  const holder = { attempt: attempts, lease, slave, executorIndex, beganAt: null };
  return { kind, state: 'leased', attempts, holders: [holder], losses };
}

/** A second lease beside the first. @throws Error when it is not leased, or has two already, or `slave` holds it. */
export function duplicateLease(
  task: Task,
  lease: LeaseId,
  slave: SlaveId,
  executorIndex: number | null = null,
): LeasedTask {
  if (task.state !== 'leased' || task.holders.length > 1 || task.holders[0].slave === slave) {
    throw new Error(`A task that is ${task.state} cannot have another lease on slave ${slave}.`);
  }
  const attempts = task.attempts + 1;
  const duplicate = { attempt: attempts, lease, slave, executorIndex, beganAt: null };
  return { ...task, attempts, holders: [task.holders[0], duplicate] };
}

/** An atom runs under this lease since `now`, in seconds of the monotonic clock. Changes nothing when nobody holds it. */
export function afterBegin(task: Task, lease: LeaseId, now: number): Task {
  if (task.state !== 'leased') {
    return task;
  }
  const [first, second] = task.holders.map((holder) =>
    holder.lease === lease ? { ...holder, beganAt: now } : holder,
  );
  return withHolders(task, first, second) ?? task;
}

/** The slave returned the lease in good order; another holder goes on. @throws Error when nobody holds `lease`. */
export function afterReturn(task: Task, lease: LeaseId): Task {
  const held = heldWith(task, lease);
  const { kind, attempts, losses } = held;
  return without(held, lease) ?? { kind, state: 'queued', attempts, lease, holders: [], losses };
}

/** The slave was lost: another holder goes on; else the task is queued again, or done for good. @throws as afterReturn */
export function afterLoss(task: Task, lease: LeaseId, slaveName: string): Task {
  const held = heldWith(task, lease);
  const losses = [...held.losses, slaveName];
  const { kind, attempts } = held;
  const ended = { kind, attempts, lease, holders: [], losses } as const;
  return (
    without({ ...held, losses }, lease) ??
    (losses.length < MAX_LOSSES ? { ...ended, state: 'queued' } : { ...ended, state: 'done', ending: 'lost' })
  );
}

/** `lease` delivered the verdict, which ends the other holder's lease too. @throws Error when nobody holds `lease`. */
export function afterCompletion(task: Task, lease: LeaseId): DoneTask {
  const { kind, attempts, losses } = heldWith(task, lease);
  return { kind, state: 'done', attempts, lease, ending: 'delivered', holders: [], losses };
}

/** How a lease ends. */
export type LeaseEnd =
  | { readonly kind: 'completed' }
  | { readonly kind: 'returned' }
  | { readonly kind: 'lost'; readonly slaveName: string };

/** @throws Error when nobody holds `lease`. */
export function afterLease(task: Task, lease: LeaseId, how: LeaseEnd): Task {
  switch (how.kind) {
    case 'completed':
      return afterCompletion(task, lease);
    case 'returned':
      return afterReturn(task, lease);
    case 'lost':
      return afterLoss(task, lease, how.slaveName);
  }
}

/**
 * Whether a report that names `ref` counts.
 * current: the task is held by this lease. accepted: its result ended the task; the report is a repetition.
 * stale: the lease is over. unknown: no such lease was ever given for this task.
 * The reporting slave is not compared, since a slave that was restarted delivers its outbox under a new id. Lease and
 * attempt name one lease only, and only the slave that holds it knows its token.
 */
export function classifyReport(task: Task, ref: LeaseRef): 'current' | 'accepted' | 'stale' | 'unknown' {
  const { attempts, holders } = task;
  if (holders.some(({ lease, attempt }) => lease === ref.lease_id && attempt === ref.attempt)) {
    return 'current';
  }
  const isOver = ref.attempt <= attempts && holders.every(({ attempt }) => attempt !== ref.attempt);
  if (isOver && task.state === 'done' && ref.lease_id === task.lease && task.ending === 'delivered') {
    return 'accepted';
  }
  return isOver ? 'stale' : 'unknown';
}

function heldWith(task: Task, lease: LeaseId): LeasedTask {
  if (task.state !== 'leased' || !task.holders.some((holder) => holder.lease === lease)) {
    throw new Error(`A task that is ${task.state} has no lease ${lease} that could end.`);
  }
  return task;
}

/** As the other holder has it; null when there is none. */
function without(task: LeasedTask, lease: LeaseId): LeasedTask | null {
  return withHolders(task, ...task.holders.filter((holder) => holder.lease !== lease));
}

function withHolders(
  task: LeasedTask,
  first?: Holder,
  ...others: readonly (Holder | undefined)[]
): LeasedTask | null {
  return first === undefined
    ? null
    : { ...task, holders: [first, ...others.filter((holder) => holder !== undefined)] };
}
