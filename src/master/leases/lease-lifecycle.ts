import { holdersOf, type Task } from '../../domain/lease.js';
import { assignWork } from '../../domain/scheduling/scheduler.js';
import { seconds } from '../../lib/clock.js';
import { type SubjobId, toId } from '../../protocol/ids.js';
import type { LeaseRef, WorkRequest } from '../../protocol/slave/slave-messages.js';
import type { ActiveBuild, ActiveLease, RegisteredSlave } from '../state/entries.js';
import type { MasterState, StateChange } from '../state/master-state.js';
import { unavailableReason } from '../state/slave-registry.js';
import { atomsOfSubjob, failAtoms, type LeasedAtom } from '../store/atoms.js';
import { updateBuild } from '../store/builds.js';
import type { Write } from '../store/engine/write.js';
import { appendEvent } from '../store/events.js';
import { endLease, insertLease } from '../store/leases.js';
import { duplicateSubjob, endSubjobLease, leaseSubjob, type SubjobTaskRow } from '../store/subjobs.js';
import { countsReports } from '../views/build-view.js';
import { noteLost } from '../views/failure-feed.js';
import { endBuild, endIfOver } from './finish-build.js';

/*
 * The ways in which a lease begins and ends without a verdict. Each changes the memory at once and adds to a
 * `StateChange` what the store must learn in the same commit.
 */

export function refOf({ task, token }: ActiveLease): LeaseRef {
  return { lease_id: task.lease, attempt: toId.attempt(task.attempt), token };
}

/** Decides what a slave's question gets and takes the leases; see assignWork. Resolves `committed` with the store. */
export function takeWork(
  master: MasterState,
  slave: RegisteredSlave,
  asked: Pick<WorkRequest, 'free_executors' | 'ahead' | 'poll'>,
  allowExcluded = true,
): { held: ActiveLease[]; committed: Promise<unknown> } | null {
  const isAble =
    slave.state !== 'GONE' && !slave.draining && unavailableReason(slave, master.steady) === null;
  const free = Math.min(asked.free_executors, slave.numExecutors);
  const ahead = Math.min(asked.ahead ?? 0, slave.numExecutors);
  if (free + ahead === 0 || !isAble || master.room.problem !== null || !master.writer.isWritable) {
    return null;
  }
  const works = [...master.builds.values()].map(({ work }) => work);
  const view = { builds: works, nextLease: () => master.nextLease(), steady: seconds(master.steady) };
  const writes: Write[] = [];
  const held: ActiveLease[] = [];
  for (const choice of assignWork(view, slave.id, free, master.nowSeconds, allowExcluded, ahead)) {
    const build = master.builds.get(choice.build.id);
    if (build === undefined) {
      throw new Error(`Build ${choice.build.id} was scheduled although it has ended.`);
    }
    const lease: ActiveLease = {
      task: choice.task,
      build,
      subjob: choice.kind === 'run' ? choice.subjob : null,
      slave,
      executorIndex: choice.kind === 'run' ? choice.executorIndex : null,
      token: master.leaseToken(choice.task.lease),
      takenAt: master.now,
      tookAt: master.steady,
      setupNeeded: choice.kind === 'run' ? choice.setupNeeded : 'nothing',
      isDuplicate: choice.kind === 'run' && choice.isDuplicate,
      hasBegun: false,
      runs: null,
      askedBy: asked.poll,
      isAnswered: false,
      consoleEnds: new Map(),
      atoms: null,
    };
    master.addLease(lease);
    if (lease.isDuplicate) {
      master.metrics.duplicateStarted();
    }
    slave.toldRelease.delete(build.id);
    held.push(lease);
    writes.push(...stepsOfTaking(lease, master.now));
  }
  return held.length === 0 ? null : { held, committed: master.writer.record(writes) };
}

/** What is leased of a subjob. It does not change while the lease is held. */
export async function atomsOf(
  { store }: MasterState,
  held: ActiveLease,
  subjob: SubjobId,
): Promise<readonly LeasedAtom[]> {
  held.atoms ??= await atomsOfSubjob(store.db, held.build.id, subjob);
  return held.atoms;
}

function stepsOfTaking(held: ActiveLease, now: number): Write[] {
  const { task, build, subjob, slave } = held;
  const row = {
    id: task.lease,
    build_id: build.id,
    subjob_id: subjob,
    attempt: task.attempt,
    slave_id: slave.id,
    executor_index: held.executorIndex,
    token: held.token,
    taken_at: now,
  };
  return [
    insertLease(row),
    ...(subjob === null
      ? [preparationStep(build)]
      : [
          (held.isDuplicate ? duplicateSubjob : leaseSubjob)(build.id, subjob, refOf(held)),
          appendEvent(held.isDuplicate ? 'SUBJOB_DUPLICATED' : 'SUBJOB_LEASED', factsOf(held), now),
        ]),
  ];
}

/** An atom runs, or has run: what had to be done before has taken until `agoMs` milliseconds ago. */
export function noteBegan(master: MasterState, held: ActiveLease, agoMs = 0): void {
  const { build, subjob, task, setupNeeded, tookAt } = held;
  if (subjob !== null && !held.hasBegun) {
    const lasted = Math.max(0, master.steady - tookAt - agoMs);
    held.hasBegun = true;
    build.work.setup.learn(seconds(lasted), setupNeeded);
    build.work.noteBegan(
      subjob,
      task.lease,
      seconds(master.steady - Math.min(agoMs, master.steady - tookAt)),
    );
  }
}

/** Whether another slave had its subjob before and still has it: what that one reports is shown. */
export function isBeside({ build, subjob, task }: ActiveLease): boolean {
  const of = subjob === null ? undefined : build.work.subjob(subjob)?.task;
  return of?.kind === 'leased' && of.lease !== task.lease;
}

/** Who else holds the same subjob. */
export function besides(master: MasterState, { build, subjob, task }: ActiveLease): ActiveLease[] {
  const of = subjob === null ? undefined : build.work.subjob(subjob)?.task;
  return (of === undefined ? [] : holdersOf(of)).flatMap(({ lease }) => {
    const other = lease === task.lease ? undefined : master.held.get(lease);
    return other === undefined ? [] : [other];
  });
}

/** Writes the preparation's task and the state that goes with it as they are at this moment. */
export function preparationStep({ id, work }: ActiveBuild): Write {
  const { attempt, lease, losses } = work.preparation;
  const changes = {
    state: work.state,
    timestamps: JSON.stringify(work.timestamps),
    attempt,
    lease_id: lease,
    losses: JSON.stringify(losses),
  };
  return updateBuild(id, changes);
}

/** In good order: its work is queued again, and nobody is to blame. */
export function returnLease(master: MasterState, held: ActiveLease, change: StateChange): void {
  const { build, subjob } = held;
  const { now } = master;
  master.releaseLease(held);
  change.writes.push(endLease(held.task.lease, 'HANDED_BACK', now));
  if (subjob === null) {
    build.work.endPreparation({ kind: 'given back' });
    build.work.enter('QUEUED', master.nowSeconds);
    change.writes.push(preparationStep(build));
  } else {
    const task = build.work.endSubjob(subjob, held.task.lease, { kind: 'given back' });
    change.writes.push(
      endSubjobLease(build.id, subjob, refOf(held), taskRow(task, null)),
      appendEvent('SUBJOB_GIVEN_BACK', factsOf(held), now),
    );
    endIfOver(master, build, change);
  }
  master.workAppeared();
}

/** Its slave vanished: queued again, or failed for good when that has happened too often. */
export function loseHeldLease(master: MasterState, held: ActiveLease, change: StateChange): void {
  const { build, subjob, slave } = held;
  const { now } = master;
  master.releaseLease(held);
  change.writes.push(endLease(held.task.lease, 'LOST', now));
  if (subjob === null) {
    losePreparation(master, build, slave.name, change);
  } else {
    const task = build.work.endSubjob(subjob, held.task.lease, { kind: 'lost', slaveName: slave.name });
    const { losses } = task;
    const isLost = task.kind === 'done';
    const error = isLost
      ? `${losses.length} slaves were lost while they ran this subjob (${losses.join(', ')}); it is not tried again.`
      : null;
    change.writes.push(
      endSubjobLease(build.id, subjob, refOf(held), taskRow(task, error)),
      ...(isLost ? [failAtoms(build.id, subjob)] : []),
      appendEvent('SUBJOB_LOST', { ...factsOf(held), losses: losses.length }, now),
    );
    if (isLost) {
      const atoms = build.work.subjob(subjob)?.atoms ?? 0;
      const lost = held.atoms?.filter(({ id }) => !build.reported.has(subjob, id)) ?? null;
      const { reported, failed } = build.reported.settle(subjob);
      build.atomsDone += atoms;
      build.atomsFailed += atoms - reported + failed;
      build.atomsLost += atoms - reported;
      if (!countsReports(build.job)) {
        build.failures.pass(failed);
      }
      noteLost(build, lost, atoms - reported);
    }
    endIfOver(master, build, change);
  }
  master.workAppeared();
}

function losePreparation(
  master: MasterState,
  build: ActiveBuild,
  slaveName: string,
  change: StateChange,
): void {
  const task = build.work.endPreparation({ kind: 'lost', slaveName });
  if (task.kind === 'done') {
    const { losses } = task;
    const error = `${losses.length} slaves were lost while they prepared this build (${losses.join(', ')}); it is not tried again.`;
    change.writes.push(preparationStep(build));
    endBuild(master, build, 'ERROR', error, change);
  } else {
    build.work.enter('QUEUED', master.nowSeconds);
    change.writes.push(preparationStep(build));
  }
}

/** What the store keeps of a subjob one of whose leases has ended. */
export function taskRow(task: Task, error: string | null): SubjobTaskRow {
  const { lease, losses } = task;
  switch (task.kind) {
    case 'queued':
      return { state: 'QUEUED', taken: task.attempt, lease, losses, error };
    case 'leased':
      return { state: 'LEASED', taken: task.taken, lease, losses, error };
    case 'done':
      return { state: task.ending === 'lost' ? 'LOST' : 'DONE', taken: task.attempt, lease, losses, error };
  }
}

/** What an event says of a lease. */
export function factsOf({ task, build, subjob, slave }: ActiveLease): Record<string, string | number> {
  return {
    build_id: build.id,
    subjob_id: subjob ?? 'preparation',
    slave_id: slave.id,
    slave: slave.name,
    attempt: task.attempt,
  };
}
