import type { LeaseId, SlaveId, SubjobId } from '../../protocol/ids.js';
import type { BuildWork, Taken } from '../build-work.js';
import type { Holder, LeasedTask } from '../lease.js';
import { pickBuild } from './fair-share.js';
import type { Opening } from './setup-cost.js';

/** What the scheduler decides over. */
export interface Cluster {
  /** Unfinished builds, older first. */
  readonly builds: Iterable<BuildWork>;
  /** A lease id that was never used. */
  nextLease(): LeaseId;
  /** Seconds by the clock that nobody sets, by which subjobs have begun. */
  readonly steady: number;
}

export type Choice =
  | { readonly kind: 'prepare'; readonly build: BuildWork; readonly task: LeasedTask }
  | {
      readonly kind: 'run';
      readonly build: BuildWork;
      readonly subjob: SubjobId;
      readonly task: Holder;
      readonly executorIndex: number;
      readonly opening: Opening;
      /** Another slave runs it too, and takes too long. */
      readonly isDuplicate: boolean;
    };

/**
 * Takes leases for up to `freeExecutors` executors of one slave and says which. `now` in seconds since the epoch.
 *
 * The build whose share is furthest behind is served, see pickBuild: it is prepared if it is queued, for only then is
 * it known what it needs; otherwise it gets the subjob that is expected to take longest.
 *
 * With `takesShunned` false it gets no atom again that failed on it: others are asked first.
 *
 * Then as much as `ahead` for executors that will be free soon, but only where plenty is left to hand out: what waits
 * for such an executor could have been taken by one that is free before.
 *
 * When there is nothing else for it, it gets a second time what takes far too long on another slave, of builds that
 * allow it.
 *
 * It must stay synchronous: between looking at the cluster and taking the lease nothing else may happen.
 */
export function chooseWork(
  cluster: Cluster,
  slave: SlaveId,
  freeExecutors: number,
  now: number,
  takesShunned = true,
  ahead = 0,
): Choice[] {
  const choices: Choice[] = [];
  while (choices.length < freeExecutors) {
    const choice = serveNext(cluster, slave, now, takesShunned) ?? duplicateNext(cluster, slave);
    if (choice === null) {
      break;
    }
    choices.push(choice);
  }
  for (let left = ahead; left > 0; left -= 1) {
    const choice = runAhead(cluster, slave, now);
    if (choice === null) {
      break;
    }
    choices.push(choice);
  }
  return choices;
}

/** Builds all of whose atoms are shunned here are passed over for the others. */
function serveNext(cluster: Cluster, slave: SlaveId, now: number, takesShunned: boolean): Choice | null {
  const passed = new Set<BuildWork>();
  for (;;) {
    const neediest = pickBuild(mayServe(cluster, slave, passed), slave, now);
    if (neediest === null) {
      return null;
    }
    if (neediest.state === 'QUEUED') {
      neediest.enter('PREPARING', now);
      const task = neediest.takePreparation(cluster.nextLease(), slave);
      return { kind: 'prepare', build: neediest, task };
    }
    const taken = neediest.takeSubjob(cluster.nextLease(), slave, takesShunned);
    if (taken !== null) {
      return asChoice(neediest, taken, false);
    }
    passed.add(neediest);
  }
}

function runAhead(cluster: Cluster, slave: SlaveId, now: number): Choice | null {
  const build = pickBuild(willing(cluster, slave), slave, now);
  if (build?.setup.isOpenOn(slave) !== true || build.queued <= build.running) {
    return null;
  }
  const taken = build.takeSubjob(cluster.nextLease(), slave, false);
  return taken === null ? null : asChoice(build, taken, false);
}

function duplicateNext(cluster: Cluster, slave: SlaveId): Choice | null {
  for (const build of cluster.builds) {
    const straggler =
      mayHoldMoreOn(build, slave) && build.queued === 0 ? build.straggler(slave, cluster.steady) : null;
    if (straggler !== null) {
      return asChoice(build, build.takeDuplicate(straggler, cluster.nextLease(), slave), true);
    }
  }
  return null;
}

function asChoice(build: BuildWork, { id, ...taken }: Taken, isDuplicate: boolean): Choice {
  return { kind: 'run', build, subjob: id, ...taken, isDuplicate };
}

function* willing(cluster: Cluster, slave: SlaveId): Iterable<BuildWork> {
  for (const build of cluster.builds) {
    if (mayRunOn(build, slave)) {
      yield build;
    }
  }
}

function* mayServe(cluster: Cluster, slave: SlaveId, passed: ReadonlySet<BuildWork>): Iterable<BuildWork> {
  for (const build of cluster.builds) {
    const isToPrepare = build.state === 'QUEUED' && !build.refusedBy.has(slave);
    if (isToPrepare || (mayRunOn(build, slave) && !passed.has(build))) {
      yield build;
    }
  }
}

/** Whether this slave may be given a subjob of this build now. */
export function mayRunOn(build: BuildWork, slave: SlaveId): boolean {
  return build.queued > 0 && mayHoldMoreOn(build, slave) && !wouldComeTooLate(build, slave);
}

function mayHoldMoreOn(build: BuildWork, slave: SlaveId): boolean {
  return (
    build.state === 'BUILDING' &&
    build.running < build.limits.maxExecutors &&
    build.runningOn(slave) < build.limits.maxExecutorsPerSlave &&
    !build.refusedBy.has(slave)
  );
}

/**
 * Whether the slave would have to set the build up, and be ready only when those that have it set up are through. A
 * build that nobody works on is never too late.
 */
export function wouldComeTooLate({ setup, secondsOfRest, running }: BuildWork, slave: SlaveId): boolean {
  const { seconds } = setup;
  return (
    running > 0 &&
    !setup.isOpenOn(slave) &&
    seconds !== null &&
    secondsOfRest !== null &&
    secondsOfRest / running < seconds
  );
}

/** Whether anything could be handed out to anybody: a cheap question before a thousand slaves are looked at. */
export function hasWork(cluster: Cluster): boolean {
  for (const { state, queued, running, duplicates, limits } of cluster.builds) {
    const isOpen = state === 'BUILDING' && running < limits.maxExecutors;
    const mayStraggle = limits.speculative === true && running > 2 * duplicates;
    if (state === 'QUEUED' || (isOpen && (queued > 0 || mayStraggle))) {
      return true;
    }
  }
  return false;
}
