import type { LeaseId, SlaveId, SubjobId } from '../protocol/ids.js';
import type { BuildWork } from './build-work.js';
import { pickBuild } from './fair-share.js';
import type { LeasedTask } from './lease.js';

/** What the scheduler decides over. */
export interface Cluster {
  /** Unfinished builds, older first. */
  readonly builds: Iterable<BuildWork>;
  /** A lease id that was never used. */
  nextLease(): LeaseId;
}

export type Choice =
  | { readonly kind: 'prepare'; readonly build: BuildWork; readonly task: LeasedTask }
  | {
      readonly kind: 'run';
      readonly build: BuildWork;
      readonly subjob: SubjobId;
      readonly task: LeasedTask;
      readonly executorIndex: number;
    };

/**
 * Takes leases for up to `freeExecutors` executors of one slave and says which. `now` in seconds since the epoch.
 *
 * Queued builds are prepared first, older ones before newer: only then is it known what they need. Otherwise the
 * build whose share is furthest behind is served, see pickBuild; within the build, the subjob that is expected to
 * take longest.
 *
 * With `takesShunned` false it gets no atom again that failed on it: others are asked first.
 *
 * It must stay synchronous: between looking at the cluster and taking the lease nothing else may happen.
 */
export function chooseWork(
  cluster: Cluster,
  slave: SlaveId,
  freeExecutors: number,
  now: number,
  takesShunned = true,
): Choice[] {
  const choices: Choice[] = [];
  while (choices.length < freeExecutors) {
    const choice = prepareNext(cluster, slave, now) ?? runNext(cluster, slave, now, takesShunned);
    if (choice === null) {
      break;
    }
    choices.push(choice);
  }
  return choices;
}

function prepareNext(cluster: Cluster, slave: SlaveId, now: number): Choice | null {
  for (const build of cluster.builds) {
    if (build.state === 'QUEUED' && !build.refusedBy.has(slave)) {
      build.enter('PREPARING', now);
      return { kind: 'prepare', build, task: build.takePreparation(cluster.nextLease(), slave) };
    }
  }
  return null;
}

function runNext(cluster: Cluster, slave: SlaveId, now: number, takesShunned: boolean): Choice | null {
  const neediest = pickBuild(willing(cluster, slave), slave, now);
  if (neediest === null) {
    return null;
  }
  const taken = neediest.takeSubjob(cluster.nextLease(), slave, takesShunned);
  return taken === null
    ? null
    : {
        kind: 'run',
        build: neediest,
        subjob: taken.id,
        task: taken.task,
        executorIndex: taken.executorIndex,
      };
}

function* willing(cluster: Cluster, slave: SlaveId): Iterable<BuildWork> {
  for (const build of cluster.builds) {
    if (mayRunOn(build, slave)) {
      yield build;
    }
  }
}

/** Whether this slave may be given a subjob of this build now. */
export function mayRunOn(build: BuildWork, slave: SlaveId): boolean {
  return (
    build.state === 'BUILDING' &&
    build.queued > 0 &&
    build.running < build.limits.maxExecutors &&
    build.runningOn(slave) < build.limits.maxExecutorsPerSlave &&
    !build.refusedBy.has(slave)
  );
}

/** Whether anything could be handed out to anybody: a cheap question before a thousand slaves are looked at. */
export function hasWork(cluster: Cluster): boolean {
  for (const build of cluster.builds) {
    if (
      build.state === 'QUEUED' ||
      (build.state === 'BUILDING' && build.queued > 0 && build.running < build.limits.maxExecutors)
    ) {
      return true;
    }
  }
  return false;
}
