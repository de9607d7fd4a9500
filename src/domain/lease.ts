import type { LeaseId, SlaveId } from '../protocol/ids.js';
import type { LeaseRef } from '../protocol/slave/slave-messages.js';

/** After this many slaves were lost with a task it fails, so that a deadly test cannot fell a whole fleet. */
export const MAX_LOSSES = 3;

/**
 * What is leased: a subjob, or the preparation of a build.
 *
 *   queued ──take──► leased ──complete──► done (delivered)
 *      ▲             │ │  ▲ └───lose, the third time──► done (lost)
 *      └─────────────┘ │  │
 *        returnLease, lose└──┘ duplicate; returnLease, lose of one of two
 *
 * queued: waits for a slave; `lease` names the last one that held it. leased: `slave` holds it until it is heard
 * no more; perhaps another slave beside it, with a lease of its own: whoever completes it first ends both. done: has
 * its verdict and changes no more; `lease` is the one that brought it.
 * `attempt` numbers a lease among all that were ever taken, and of a task that nobody holds it counts these; `losses`
 * names the slaves that vanished with one. A lease has no expiry of its own: any word of its slave renews all the
 * slave's leases, so the time is kept once, with the slave.
 */
export type Task =
  | {
      readonly kind: 'queued';
      readonly attempt: number;
      readonly lease: LeaseId | null;
      readonly losses: readonly string[];
    }
  | (Holder & {
      readonly kind: 'leased';
      /** How many leases were ever taken: more than `attempt` when there is a duplicate, or was one. */
      readonly taken: number;
      /** The same work on another slave, begun later. */
      readonly duplicate: Holder | null;
      readonly losses: readonly string[];
    })
  | {
      readonly kind: 'done';
      readonly attempt: number;
      readonly lease: LeaseId;
      readonly ending: 'delivered' | 'lost';
      readonly losses: readonly string[];
    };

/** A lease that is held, and by whom. */
export interface Holder {
  readonly attempt: number;
  readonly lease: LeaseId;
  readonly slave: SlaveId;
}

/**
 * Leases are numbered from here on by a master that starts at `nowMs`, unless its store knows a higher one. So no two
 * stores ever give the same lease, also when one was removed, or is an old copy: a result that waits at a slave for
 * the master before is refused by the next one. Good for 1024 leases a millisecond, and exact until the year 2248.
 */
export function leaseFloor(nowMs: number): number {
  return nowMs * 1024;
}

export type LeasedTask = Extract<Task, { kind: 'leased' }>;
export const newTask: Task = { kind: 'queued', attempt: 0, lease: null, losses: [] };

/** @throws Error when it is not queued. */
export function takeLease(task: Task, lease: LeaseId, slave: SlaveId): LeasedTask {
  if (task.kind !== 'queued') {
    throw new Error(`A task that is ${task.kind} cannot be leased.`);
  }
  const attempt = task.attempt + 1;
  return { kind: 'leased', attempt, lease, slave, taken: attempt, duplicate: null, losses: task.losses };
}

/** A second lease beside the first. @throws Error when it is not leased, or has two already, or `slave` holds it. */
export function duplicateLease(
  task: Task,
  lease: LeaseId,
  slave: SlaveId,
): LeasedTask & { readonly duplicate: Holder } {
  if (task.kind !== 'leased' || task.duplicate !== null || task.slave === slave) {
    throw new Error(`A task that is ${task.kind} cannot have another lease on slave ${slave}.`);
  }
  const taken = task.taken + 1;
  return { ...task, taken, duplicate: { attempt: taken, lease, slave } };
}

/** Those that hold it now: none, one or two. */
export function holdersOf(task: Task): Holder[] {
  if (task.kind !== 'leased') {
    return [];
  }
  return task.duplicate === null ? [task] : [task, task.duplicate];
}

/** The slave gave the lease back in good order; who else holds it goes on. @throws Error when nobody holds `lease`. */
export function returnLease(task: Task, lease: LeaseId): Task {
  const held = heldWith(task, lease);
  const { taken: attempt, losses } = held;
  return without(held, lease) ?? { kind: 'queued', attempt, lease, losses };
}

/** The slave vanished. Who else holds it goes on; else it is queued again, or done for good. @throws as returnLease */
export function loseLease(task: Task, lease: LeaseId, slaveName: string): Task {
  const held = heldWith(task, lease);
  const losses = [...held.losses, slaveName];
  const { taken: attempt } = held;
  return (
    without({ ...held, losses }, lease) ??
    (losses.length < MAX_LOSSES
      ? { kind: 'queued', attempt, lease, losses }
      : { kind: 'done', attempt, lease, ending: 'lost', losses })
  );
}

/** `lease` brought the verdict: it is over for whoever held it beside. @throws Error when nobody holds `lease`. */
export function complete(task: Task, lease: LeaseId): Task {
  const { taken: attempt, losses } = heldWith(task, lease);
  return { kind: 'done', attempt, lease, ending: 'delivered', losses };
}

/**
 * What a report that names `ref` is about.
 * current: a lease that holds the task. accepted: the lease whose result ended it; the report is a repetition.
 * stale: a lease that is over. unknown: no such lease was ever given for this task.
 * The reporting slave is not compared: lease and attempt name one hand-out only, its token is known to the slave that
 * it was given to, and a slave that was restarted delivers its outbox under a new id.
 */
export function classifyReport(task: Task, ref: LeaseRef): 'current' | 'accepted' | 'stale' | 'unknown' {
  switch (task.kind) {
    case 'leased': {
      const holders = holdersOf(task);
      if (holders.some(({ lease, attempt }) => lease === ref.lease_id && attempt === ref.attempt)) {
        return 'current';
      }
      const isOver = ref.attempt <= task.taken && holders.every(({ attempt }) => attempt !== ref.attempt);
      return isOver ? 'stale' : 'unknown';
    }
    case 'done':
      if (ref.lease_id === task.lease && ref.attempt <= task.attempt) {
        return task.ending === 'delivered' ? 'accepted' : 'stale';
      }
      return ref.attempt <= task.attempt ? 'stale' : 'unknown';
    case 'queued':
      return ref.attempt <= task.attempt ? 'stale' : 'unknown';
  }
}

function heldWith(task: Task, lease: LeaseId): LeasedTask {
  if (task.kind !== 'leased' || !holdersOf(task).some((holder) => holder.lease === lease)) {
    throw new Error(`A task that is ${task.kind} has no lease ${lease} that could end.`);
  }
  return task;
}

/** As the other one holds it, who becomes the first; null when there is none. */
function without(task: LeasedTask, lease: LeaseId): LeasedTask | null {
  const [rest] = holdersOf(task).filter((holder) => holder.lease !== lease);
  if (rest === undefined) {
    return null;
  }
  const { attempt, lease: kept, slave } = rest;
  return { ...task, attempt, lease: kept, slave, duplicate: null };
}
