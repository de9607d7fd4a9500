import type { LeaseEnd, Task } from '../../domain/lease.js';
import { assignWork } from '../../domain/scheduling/scheduler.js';
import { seconds } from '../../lib/clock.js';
import type { LeaseId } from '../../protocol/ids.js';
import type { SetupTime } from '../../protocol/slave/optional-reports.js';
import type { WorkRequest } from '../../protocol/slave/slave-messages.js';
import type { ActiveBuild } from '../state/active-build.js';
import { type ActiveLease, PreparationLease, SubjobLease } from '../state/active-lease.js';
import type { MasterState, StateChange } from '../state/master-state.js';
import type { RegisteredSlave } from '../state/registered-slave.js';
import { atomsOfSubjob, failAtoms, type LeasedAtom } from '../store/atoms.js';
import { updateBuild } from '../store/builds.js';
import type { Write } from '../store/engine/write.js';

import { appendEvent } from '../store/events.js';
import { endLease, insertLease, type ReportedTimes } from '../store/leases.js';
import { duplicateSubjob, endSubjobLease, leaseSubjob, type SubjobTaskRow } from '../store/subjobs.js';
import type { LeaseRow } from '../store/tables.js';
import { countsReports, noteLost } from './failure-feed.js';
import { endBuild, endIfOver } from './finish-build.js';

/*
 * How a lease begins, and how it ends without a verdict. Each function changes the memory at once and adds to a
 * `StateChange` what is to be persisted in the same transaction.
 */

/** Leases that were taken for a slave; `committed` resolves when the store has them. */
export interface TakenWork {
  readonly leases: readonly ActiveLease[];
  readonly committed: Promise<unknown>;
}

/** Takes leases for what a slave asks for, see assignWork; null when there are none for it. */
export function takeWork(
  master: MasterState,
  slave: RegisteredSlave,
  wanted: Pick<WorkRequest, 'free_executors' | 'ahead'>,
  allowExcluded: boolean,
): TakenWork | null {
  const isAble =
    slave.state !== 'GONE' &&
    !slave.isSuspect &&
    !slave.isDraining &&
    slave.unavailableReason(master.steady) === null;
  const free = Math.min(wanted.free_executors, slave.numExecutors);
  const ahead = Math.min(wanted.ahead ?? 0, slave.numExecutors);
  if (free + ahead === 0 || !isAble || master.disk.problem !== null || !master.writer.isWritable) {
    return null;
  }
  const works = [...master.builds.values()].map(({ work }) => work);
  const view = { builds: works, nextLease: () => master.nextLease(), steady: seconds(master.steady) };
  const writes: Write[] = [];
  const leases: ActiveLease[] = [];
  for (const taken of assignWork(view, slave.id, free, master.nowSeconds, allowExcluded, ahead)) {
    const build = master.builds.get(taken.build.id);
    if (build === undefined) {
      throw new Error(`Build ${taken.build.id} was scheduled although it has ended.`);
    }
    const facts = {
      id: taken.lease,
      attempt: taken.attempt,
      build,
      slave,
      token: master.leaseToken(taken.lease),
      takenAt: master.now,
      tookAt: master.steady,
      hasBegun: false,
    };
    const lease = taken.kind === 'subjob' ? new SubjobLease(facts, taken) : new PreparationLease(facts);
    master.leases.add(lease);
    if (taken.isDuplicate) {
      master.metrics.duplicateStarted();
    }
    leases.push(lease);
    writes.push(...writesOfTaking(master, lease));
  }
  return leases.length === 0 ? null : { leases, committed: master.writer.record(writes) };
}

function writesOfTaking(master: MasterState, lease: ActiveLease): Write[] {
  const { id, attempt, build, slave, token, takenAt } = lease;
  const { subjob, executorIndex } = lease.kind === 'subjob' ? lease : { subjob: null, executorIndex: null };
  const row = {
    id,
    build_id: build.id,
    subjob_id: subjob,
    attempt,
    slave_id: slave.id,
    executor_index: executorIndex,
    token,
    taken_at: takenAt,
  };
  if (lease.kind === 'preparation') {
    return [insertLease(row), preparationWrite(build)];
  }
  const [first] = otherHolders(master, lease);
  if (first === undefined) {
    const event = appendEvent('SUBJOB_LEASED', eventFacts(lease), takenAt);
    return [insertLease(row), leaseSubjob(build.id, lease.subjob, lease.ref), event];
  }
  const facts = { ...eventFacts(lease), reason: first.slave.isSuspect ? 'SUSPECT' : 'STRAGGLER' };
  return [
    insertLease(row),
    duplicateSubjob(build.id, lease.subjob, lease.ref),
    appendEvent('SUBJOB_DUPLICATED', facts, takenAt),
  ];
}

/** The atoms that are leased. */
export async function atomsOf({ store }: MasterState, lease: SubjobLease): Promise<readonly LeasedAtom[]> {
  return lease.atoms ?? lease.setAtoms(await atomsOfSubjob(store.db, lease.build.id, lease.subjob));
}

/** An atom runs, or has run: setting up the build has ended `agoMs` milliseconds ago. */
export function noteBegan({ steady }: MasterState, lease: SubjobLease, agoMs = 0): void {
  if (lease.begin()) {
    const { build, subjob, id, tookAt, setupNeeded } = lease;
    const beganAt = Math.max(tookAt, steady - agoMs);
    build.work.setup.learn(seconds(beganAt - tookAt), setupNeeded);
    build.work.noteBegan(subjob, id, seconds(beganAt));
  }
}

/** Whether another slave had the subjob before and still has it: people are shown what that one reports. */
export function isSecondHolder(lease: ActiveLease): boolean {
  const [first] = lease.build.work.task(lease)?.holders ?? [];
  return first !== undefined && first.lease !== lease.id;
}

/** The other leases of the same task. */
export function otherHolders({ leases }: MasterState, lease: ActiveLease): ActiveLease[] {
  const holders = lease.build.work.task(lease)?.holders ?? [];
  return holders.flatMap((holder) => (holder.lease === lease.id ? [] : (leases.find(holder.lease) ?? [])));
}

/** Writes the preparation's task, and the state that goes with it, as they are at this moment. */
export function preparationWrite({ id, work }: ActiveBuild): Write {
  const { attempts, losses } = work.preparation;
  const changes = {
    state: work.state,
    timestamps: work.timestamps,
    attempt: attempts,
    lease_id: leaseOf(work.preparation),
    losses,
  };
  return updateBuild(id, changes);
}

/** The slave returned it in good order: its work is queued again, and nobody is to blame. */
export function returnLease(master: MasterState, lease: ActiveLease, change: StateChange): void {
  const { build } = lease;
  const { now } = master;
  const task = endWithoutVerdict(master, lease, { kind: 'returned' }, 'HANDED_BACK', change);
  if (lease.kind === 'preparation') {
    afterPreparationLease(master, build, task, change);
  } else {
    change.writes.push(
      endSubjobLease(build.id, lease.subjob, lease.ref, taskRow(task, null)),
      appendEvent('SUBJOB_GIVEN_BACK', eventFacts(lease), now),
    );
    endIfOver(master, build, change);
  }
  master.workAppeared();
}

/** Its slave was lost: its work is queued again, or has failed for good when that has happened too often. */
export function loseLease(master: MasterState, lease: ActiveLease, change: StateChange): void {
  const { build, slave } = lease;
  const task = endWithoutVerdict(master, lease, { kind: 'lost', slaveName: slave.name }, 'LOST', change);
  if (lease.kind === 'subjob') {
    loseSubjob(master, lease, task, change);
  } else if (task.state === 'done') {
    change.writes.push(preparationWrite(build));
    endBuild(master, build, 'ERROR', lostMessage(task, 'prepared this build'), change);
  } else {
    afterPreparationLease(master, build, task, change);
  }
  master.workAppeared();
}

/** Where a lease was worked on, and when it was set up as its result says. `now` in milliseconds since the epoch. */
export function timesOf(lease: ActiveLease, now: number, setup?: SetupTime): ReportedTimes {
  return {
    slave_executor: lease.kind === 'subjob' ? lease.slaveExecutor : null,
    setup_began_at: lease.moment(setup?.began, now),
    setup_seconds: setup?.seconds ?? null,
  };
}

function endWithoutVerdict(
  master: MasterState,
  lease: ActiveLease,
  how: LeaseEnd,
  ending: Exclude<LeaseRow['state'], 'HELD'>,
  change: StateChange,
): Task {
  const { now } = master;
  master.leases.release(lease);
  if (lease.hasBegun) {
    change.changed.push(lease.build);
  }
  change.writes.push(endLease(lease.id, ending, now, timesOf(lease, now)));
  return lease.build.work.endLease(lease, lease.id, how);
}

/** The build waits to be prepared again unless another slave prepares it. */
function afterPreparationLease(
  master: MasterState,
  build: ActiveBuild,
  { state }: Task,
  change: StateChange,
): void {
  if (state === 'queued') {
    build.work.enter('QUEUED', master.nowSeconds);
  }
  change.writes.push(preparationWrite(build));
}

function loseSubjob(master: MasterState, lease: SubjobLease, task: Task, change: StateChange): void {
  const { build, subjob } = lease;
  const { now } = master;
  const isLost = task.state === 'done';
  const row = taskRow(task, isLost ? lostMessage(task, 'ran this subjob') : null);
  change.writes.push(
    endSubjobLease(build.id, subjob, lease.ref, row),
    ...(isLost ? [failAtoms(build.id, subjob)] : []),
    appendEvent('SUBJOB_LOST', { ...eventFacts(lease), losses: task.losses.length }, now),
  );
  if (isLost) {
    const lostAtoms = lease.atoms?.filter(({ id }) => !build.reported.has(subjob, id)) ?? null;
    const { lost, failed } = build.loseSubjob(subjob);
    if (!countsReports(build.job)) {
      build.failures.skip(failed);
    }
    noteLost(build, lostAtoms, lost);
  }
  endIfOver(master, build, change);
}

function lostMessage({ losses }: Task, did: string): string {
  return `${losses.length} slaves were lost while they ${did} (${losses.join(', ')}); it is not tried again.`;
}

/** The columns of the row of a subjob that change when one of its leases ends. */
export function taskRow(task: Task, error: string | null): SubjobTaskRow {
  const state = task.state === 'done' && task.ending === 'lost' ? 'LOST' : rowStates[task.state];
  return { state, taken: task.attempts, lease: leaseOf(task), losses: task.losses, error };
}

const rowStates = { queued: 'QUEUED', leased: 'LEASED', done: 'DONE' } as const;

/** The first holder's lease, or the one that delivered the verdict, or the last one that was held. */
function leaseOf(task: Task): LeaseId | null {
  return task.state === 'leased' ? task.holders[0].lease : task.lease;
}

/** The fields of a lease in events. */
export function eventFacts(lease: ActiveLease): Record<string, string | number> {
  const { build, slave, attempt } = lease;
  return {
    build_id: build.id,
    subjob_id: lease.kind === 'subjob' ? lease.subjob : lease.kind,
    slave_id: slave.id,
    slave: slave.name,
    attempt,
  };
}
