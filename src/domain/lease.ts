import type { LeaseId, SlaveId } from '../protocol/ids.js';
import type { LeaseRef } from '../protocol/slave.js';

/** After this many slaves were lost with a task it fails, so that a deadly test cannot fell a whole fleet. */
export const MAX_LOSSES = 3;

/**
 * What is leased: a subjob, or the preparation of a build.
 *
 *   queued ──take──► leased ──complete──► done (delivered)
 *      ▲               │ │ └───lose, the third time──► done (lost)
 *      └───────────────┘ └── giveBack, lose
 *
 * queued: waits for a slave; `lease` names the last one that held it. leased: `slave` holds it until it is heard
 * no more. done: has its verdict and changes no more.
 * `attempt` counts the leases ever taken, and `losses` names the slaves that vanished with one. A lease has no
 * expiry of its own: any word of its slave renews all the slave's leases, so the time is kept once, with the slave.
 */
export type Task =
  | {
      readonly kind: 'queued';
      readonly attempt: number;
      readonly lease: LeaseId | null;
      readonly losses: readonly string[];
    }
  | {
      readonly kind: 'leased';
      readonly attempt: number;
      readonly lease: LeaseId;
      readonly slave: SlaveId;
      readonly losses: readonly string[];
    }
  | {
      readonly kind: 'done';
      readonly attempt: number;
      readonly lease: LeaseId;
      readonly ending: 'delivered' | 'lost';
      readonly losses: readonly string[];
    };

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
  return { kind: 'leased', attempt: task.attempt + 1, lease, slave, losses: task.losses };
}

/** The slave gave the lease back in good order. @throws Error when it is not leased. */
export function giveBack(task: Task): Task {
  const { attempt, lease, losses } = leased(task);
  return { kind: 'queued', attempt, lease, losses };
}

/** The slave vanished. Queued again, or done for good. @throws Error when it is not leased. */
export function loseLease(task: Task, slaveName: string): Task {
  const { attempt, lease, losses: before } = leased(task);
  const losses = [...before, slaveName];
  return losses.length < MAX_LOSSES
    ? { kind: 'queued', attempt, lease, losses }
    : { kind: 'done', attempt, lease, ending: 'lost', losses };
}

/** @throws Error when it is not leased. */
export function complete(task: Task): Task {
  const { attempt, lease, losses } = leased(task);
  return { kind: 'done', attempt, lease, ending: 'delivered', losses };
}

/**
 * What a report that names `ref` is about.
 * current: the lease that holds the task. accepted: the lease whose result ended it; the report is a repetition.
 * stale: a lease that is over. unknown: no such lease was ever given for this task.
 * The reporting slave is not compared: lease and attempt name one hand-out only, and a slave that was restarted
 * delivers its outbox under a new id.
 */
export function judge(task: Task, ref: LeaseRef): 'current' | 'accepted' | 'stale' | 'unknown' {
  if (ref.attempt < task.attempt) {
    return 'stale';
  }
  if (ref.attempt > task.attempt || ref.lease_id !== task.lease) {
    return 'unknown';
  }
  switch (task.kind) {
    case 'leased':
      return 'current';
    case 'done':
      return task.ending === 'delivered' ? 'accepted' : 'stale';
    case 'queued':
      return 'stale';
  }
}

function leased(task: Task): LeasedTask {
  if (task.kind !== 'leased') {
    throw new Error(`A task that is ${task.kind} has no lease that could end.`);
  }
  return task;
}
