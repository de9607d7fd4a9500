import type { LeaseId, SlaveId, SubjobId } from '../../protocol/ids.js';
import type { BuildWork, TakenSubjob } from '../build-work.js';
import type { Holder, LeasedTask } from '../lease.js';
import { pickBuild } from './fair-share.js';
import type { SetupNeeded } from './setup-cost.js';

/** What the scheduler decides over. */
export interface SchedulerView {
  /** Unfinished builds, older first. */
  readonly builds: Iterable<BuildWork>;
  /** A lease id that was never used. */
  nextLease(): LeaseId;
  /** Seconds by the clock that nobody sets, by which subjobs have begun. */
  readonly steady: number;
}

export type TakenLease =
  | { readonly kind: 'prepare'; readonly build: BuildWork; readonly task: LeasedTask }
  | {
      readonly kind: 'run';
      readonly build: BuildWork;
      readonly subjob: SubjobId;
      readonly task: Holder;
      readonly executorIndex: number;
      readonly setupNeeded: SetupNeeded;
      /** Another slave runs it too, and takes too long. */
      readonly isDuplicate: boolean;
    };

/**
 * Takes leases for up to `freeExecutors` executors of one slave and says which. `now` in seconds since the epoch.
 *
 * The build whose share is furthest behind is served, see pickBuild: it is prepared if it is queued, for only then is
 * it known what it needs; otherwise it gets the subjob that is expected to take longest.
 *
 * With `allowExcluded` false it gets no atom again that failed on it: others are asked first.
 *
 * Then as much as `ahead` for executors that will be free soon, but only where plenty is left to hand out: what waits
 * for such an executor could have been taken by one that is free before.
 *
 * When there is nothing else for it, it gets a second time what takes far too long on another slave, of builds that
 * allow it.
 *
 * It must stay synchronous: between looking at the view and taking the lease nothing else may happen.
 */
export function assignWork(
  view: SchedulerView,
  slave: SlaveId,
  freeExecutors: number,
  now: number,
  allowExcluded = true,
  ahead = 0,
): TakenLease[] {
  const choices: TakenLease[] = [];
  while (choices.length < freeExecutors) {
    const choice = serveNext(view, slave, now, allowExcluded) ?? duplicateNext(view, slave);
    if (choice === null) {
      break;
    }
    choices.push(choice);
  }
  for (let left = ahead; left > 0; left -= 1) {
    const choice = runAhead(view, slave, now);
    if (choice === null) {
      break;
    }
    choices.push(choice);
  }
  return choices;
}

/** Builds all of whose atoms failed here are passed over for the others. */
function serveNext(
  view: SchedulerView,
  slave: SlaveId,
  now: number,
  allowExcluded: boolean,
): TakenLease | null {
  const passed = new Set<BuildWork>();
  for (;;) {
    const neediest = pickBuild(mayServe(view, slave, passed), slave, now);
    if (neediest === null) {
      return null;
    }
    if (neediest.state === 'QUEUED') {
      neediest.enter('PREPARING', now);
      const task = neediest.takePreparation(view.nextLease(), slave);
      return { kind: 'prepare', build: neediest, task };
    }
    const taken = neediest.takeSubjob(view.nextLease(), slave, allowExcluded);
    if (taken !== null) {
      return asChoice(neediest, taken, false);
    }
    passed.add(neediest);
  }
}

function runAhead(view: SchedulerView, slave: SlaveId, now: number): TakenLease | null {
  const build = pickBuild(eligibleBuilds(view, slave), slave, now);
  if (build?.setup.isOpenOn(slave) !== true || build.queued <= build.running) {
    return null;
  }
  const taken = build.takeSubjob(view.nextLease(), slave, false);
  return taken === null ? null : asChoice(build, taken, false);
}

function duplicateNext(view: SchedulerView, slave: SlaveId): TakenLease | null {
  for (const build of view.builds) {
    const straggler =
      mayHoldMoreOn(build, slave) && build.queued === 0 ? build.findStraggler(slave, view.steady) : null;
    if (straggler !== null) {
      return asChoice(build, build.takeDuplicate(straggler, view.nextLease(), slave), true);
    }
  }
  return null;
}

function asChoice(build: BuildWork, { id, ...taken }: TakenSubjob, isDuplicate: boolean): TakenLease {
  return { kind: 'run', build, subjob: id, ...taken, isDuplicate };
}

function* eligibleBuilds(view: SchedulerView, slave: SlaveId): Iterable<BuildWork> {
  for (const build of view.builds) {
    if (mayRunOn(build, slave)) {
      yield build;
    }
  }
}

function* mayServe(view: SchedulerView, slave: SlaveId, passed: ReadonlySet<BuildWork>): Iterable<BuildWork> {
  for (const build of view.builds) {
    const isToPrepare = build.state === 'QUEUED' && !build.refusedBy.has(slave);
    if (isToPrepare || (mayRunOn(build, slave) && !passed.has(build))) {
      yield build;
    }
  }
}

/** Whether this slave may be given a subjob of this build now. */
export function mayRunOn(build: BuildWork, slave: SlaveId): boolean {
  return build.queued > 0 && mayHoldMoreOn(build, slave) && !setupExceedsRemaining(build, slave);
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
export function setupExceedsRemaining({ setup, secondsOfRest, running }: BuildWork, slave: SlaveId): boolean {
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
export function hasWork(view: SchedulerView): boolean {
  for (const { state, queued, running, duplicates, limits } of view.builds) {
    const isOpen = state === 'BUILDING' && running < limits.maxExecutors;
    const mayStraggle = limits.speculative === true && running > 2 * duplicates;
    if (state === 'QUEUED' || (isOpen && (queued > 0 || mayStraggle))) {
      return true;
    }
  }
  return false;
}
