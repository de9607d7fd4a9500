import { holdersOf, type Task } from '../../domain/lease.js';
import { chooseWork } from '../../domain/scheduling/scheduler.js';
import { seconds } from '../../lib/clock.js';
import { type SubjobId, toId } from '../../protocol/ids.js';
import type { LeaseRef, WorkRequest } from '../../protocol/slave/slave.js';
import type { BuildEntry, Held, SlaveEntry } from '../state/entries.js';
import type { Change, Cluster } from '../state/master-state.js';
import { ailmentOf } from '../state/slave-registry.js';
import type { Step } from '../state/state-writer.js';
import { atomsOfSubjob, failAtoms, type LeasedAtom } from '../store/atoms.js';
import { updateBuild } from '../store/builds.js';
import { appendEvent } from '../store/events.js';
import { endLease, insertLease } from '../store/leases.js';
import { duplicateSubjob, endSubjobLease, leaseSubjob, type SubjobTaskRow } from '../store/subjobs.js';
import { countsReports } from '../views/build-view.js';
import { noteLost } from '../views/failure-feed.js';
import { endBuild, endIfOver } from './finish-build.js';

/*
 * The ways in which a lease begins and ends without a verdict. Each changes the memory at once and adds to a
 * `Change` what the store must learn in the same commit.
 */

export function refOf({ task, token }: Held): LeaseRef {
  return { lease_id: task.lease, attempt: toId.attempt(task.attempt), token };
}

/** Decides what a slave's question gets and takes the leases; see chooseWork. Resolves `committed` with the store. */
export function takeWork(
  cluster: Cluster,
  slave: SlaveEntry,
  asked: Pick<WorkRequest, 'free_executors' | 'ahead' | 'poll'>,
  takesShunned = true,
): { held: Held[]; committed: Promise<void> } | null {
  const isAble = slave.state !== 'GONE' && !slave.draining && ailmentOf(slave, cluster.steady) === null;
  const free = Math.min(asked.free_executors, slave.numExecutors);
  const ahead = Math.min(asked.ahead ?? 0, slave.numExecutors);
  if (free + ahead === 0 || !isAble || cluster.room.problem !== null || !cluster.journal.isWhole) {
    return null;
  }
  const works = [...cluster.builds.values()].map(({ work }) => work);
  const view = { builds: works, nextLease: () => cluster.nextLease(), steady: seconds(cluster.steady) };
  const steps: Step[] = [];
  const held: Held[] = [];
  for (const choice of chooseWork(view, slave.id, free, cluster.nowSeconds, takesShunned, ahead)) {
    const build = cluster.builds.get(choice.build.id);
    if (build === undefined) {
      throw new Error(`Build ${choice.build.id} was scheduled although it has ended.`);
    }
    const lease: Held = {
      task: choice.task,
      build,
      subjob: choice.kind === 'run' ? choice.subjob : null,
      slave,
      executorIndex: choice.kind === 'run' ? choice.executorIndex : null,
      token: cluster.leaseToken(choice.task.lease),
      takenAt: cluster.now,
      tookAt: cluster.steady,
      opening: choice.kind === 'run' ? choice.opening : 'nothing',
      isDuplicate: choice.kind === 'run' && choice.isDuplicate,
      hasBegun: false,
      runs: null,
      askedBy: asked.poll,
      isAnswered: false,
      consoleEnds: new Map(),
      atoms: null,
    };
    cluster.hold(lease);
    if (lease.isDuplicate) {
      cluster.metrics.duplicateStarted();
    }
    slave.toldRelease.delete(build.id);
    held.push(lease);
    steps.push(...stepsOfTaking(lease, cluster.now));
  }
  return held.length === 0 ? null : { held, committed: cluster.journal.record(steps) };
}

/** What is leased of a subjob. It does not change while the lease is held. */
export async function atomsOf(
  { store }: Cluster,
  held: Held,
  subjob: SubjobId,
): Promise<readonly LeasedAtom[]> {
  held.atoms ??= await atomsOfSubjob(store.db, held.build.id, subjob);
  return held.atoms;
}

function stepsOfTaking(held: Held, now: number): Step[] {
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
    (db) => insertLease(db, row),
    subjob === null
      ? preparationStep(build)
      : async (db) => {
          const take = held.isDuplicate ? duplicateSubjob : leaseSubjob;
          await take(db, build.id, subjob, refOf(held));
          await appendEvent(db, held.isDuplicate ? 'SUBJOB_DUPLICATED' : 'SUBJOB_LEASED', factsOf(held), now);
          // Here, where all that was decided before is written: a retry may have put an atom into it just now.
          held.atoms = await atomsOfSubjob(db, build.id, subjob);
        },
  ];
}

/** An atom runs, or has run: what had to be done before has taken until `agoMs` milliseconds ago. */
export function noteBegan(cluster: Cluster, held: Held, agoMs = 0): void {
  const { build, subjob, task, opening, tookAt } = held;
  if (subjob !== null && !held.hasBegun) {
    const lasted = Math.max(0, cluster.steady - tookAt - agoMs);
    held.hasBegun = true;
    build.work.setup.learn(seconds(lasted), opening);
    build.work.noteBegan(
      subjob,
      task.lease,
      seconds(cluster.steady - Math.min(agoMs, cluster.steady - tookAt)),
    );
  }
}

/** Whether another slave had its subjob before and still has it: what that one reports is shown. */
export function isBeside({ build, subjob, task }: Held): boolean {
  const of = subjob === null ? undefined : build.work.subjob(subjob)?.task;
  return of?.kind === 'leased' && of.lease !== task.lease;
}

/** Who else holds the same subjob. */
export function besides(cluster: Cluster, { build, subjob, task }: Held): Held[] {
  const of = subjob === null ? undefined : build.work.subjob(subjob)?.task;
  return (of === undefined ? [] : holdersOf(of)).flatMap(({ lease }) => {
    const other = lease === task.lease ? undefined : cluster.held.get(lease);
    return other === undefined ? [] : [other];
  });
}

/** Writes the preparation's task and the state that goes with it as they are at this moment. */
export function preparationStep({ id, work }: BuildEntry): Step {
  const { attempt, lease, losses } = work.preparation;
  const changes = {
    state: work.state,
    timestamps: JSON.stringify(work.timestamps),
    attempt,
    lease_id: lease,
    losses: JSON.stringify(losses),
  };
  return (db) => updateBuild(db, id, changes);
}

/** In good order: its work is queued again, and nobody is to blame. */
export function giveBack(cluster: Cluster, held: Held, change: Change): void {
  const { build, subjob } = held;
  const { now } = cluster;
  cluster.letGo(held);
  change.steps.push((db) => endLease(db, held.task.lease, 'HANDED_BACK', now));
  if (subjob === null) {
    build.work.endPreparation({ kind: 'given back' });
    build.work.enter('QUEUED', cluster.nowSeconds);
    change.steps.push(preparationStep(build));
  } else {
    const task = build.work.endSubjob(subjob, held.task.lease, { kind: 'given back' });
    change.steps.push(async (db) => {
      await endSubjobLease(db, build.id, subjob, refOf(held), taskRow(task, null));
      await appendEvent(db, 'SUBJOB_GIVEN_BACK', factsOf(held), now);
    });
    endIfOver(cluster, build, change);
  }
  cluster.workAppeared();
}

/** Its slave vanished: queued again, or failed for good when that has happened too often. */
export function lose(cluster: Cluster, held: Held, change: Change): void {
  const { build, subjob, slave } = held;
  const { now } = cluster;
  cluster.letGo(held);
  change.steps.push((db) => endLease(db, held.task.lease, 'LOST', now));
  if (subjob === null) {
    losePreparation(cluster, build, slave.name, change);
  } else {
    const task = build.work.endSubjob(subjob, held.task.lease, { kind: 'lost', slaveName: slave.name });
    const { losses } = task;
    const isLost = task.kind === 'done';
    const error = isLost
      ? `${losses.length} slaves were lost while they ran this subjob (${losses.join(', ')}); it is not tried again.`
      : null;
    change.steps.push(async (db) => {
      await endSubjobLease(db, build.id, subjob, refOf(held), taskRow(task, error));
      await (isLost ? failAtoms(db, build.id, subjob) : null);
      await appendEvent(db, 'SUBJOB_LOST', { ...factsOf(held), losses: losses.length }, now);
    });
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
    endIfOver(cluster, build, change);
  }
  cluster.workAppeared();
}

function losePreparation(cluster: Cluster, build: BuildEntry, slaveName: string, change: Change): void {
  const task = build.work.endPreparation({ kind: 'lost', slaveName });
  if (task.kind === 'done') {
    const { losses } = task;
    const error = `${losses.length} slaves were lost while they prepared this build (${losses.join(', ')}); it is not tried again.`;
    change.steps.push(preparationStep(build));
    endBuild(cluster, build, 'ERROR', error, change);
  } else {
    build.work.enter('QUEUED', cluster.nowSeconds);
    change.steps.push(preparationStep(build));
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
export function factsOf({ task, build, subjob, slave }: Held): Record<string, string | number> {
  return {
    build_id: build.id,
    subjob_id: subjob ?? 'preparation',
    slave_id: slave.id,
    slave: slave.name,
    attempt: task.attempt,
  };
}
