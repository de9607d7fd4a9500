import type { LeaseId, SlaveId, SubjobId } from '../../protocol/ids.js';
import type { BuildWork, TakenSubjob } from '../build-work.js';
import { pickBuild } from './fair-share.js';

/** The part of the master's state that the scheduler reads. */
export interface SchedulerView {
  /** Unfinished builds, older first. */
  readonly builds: Iterable<BuildWork>;
  /** A lease id that was never used. */
  nextLease(): LeaseId;
  /** Seconds of the monotonic clock. */
  readonly steady: number;
}

/** A lease that was taken for a slave. */
export type TakenLease =
  | {
      readonly kind: 'preparation';
      readonly build: BuildWork;
      readonly lease: LeaseId;
      readonly attempt: number;
      /** A suspect slave prepares the build too. */
      readonly isDuplicate: boolean;
    }
  | (TakenSubjob & {
      readonly kind: 'subjob';
      readonly build: BuildWork;
      /** Another slave has it too: it takes too long there, or that slave is suspect. */
      readonly isDuplicate: boolean;
    });

/**
 * Takes leases for up to `freeExecutors` executors of one slave and returns them. `now` in seconds since the epoch.
 *
 * It serves the build that has the least of its share, see pickBuild. A queued build is prepared, since only then is it
 * known what it needs; another one gives the subjob that is expected to take longest. Before these come tasks in doubt,
 * which only a suspect slave holds: they were handed out before the others.
 *
 * With `allowExcluded` false the slave gets no atom again that failed on it: other slaves are asked first.
 *
 * Then it takes up to `ahead` leases for executors that will be free soon, but only of builds with plenty left. Another
 * slave with a free executor could begin the last ones at once.
 *
 * When there is nothing else, the slave runs a second time what takes far too long on another one, if the build allows
 * it.
 *
 * It must stay synchronous: nothing may happen between looking at the builds and taking the lease.
 */
export function assignWork(
  view: SchedulerView,
  slave: SlaveId,
  freeExecutors: number,
  now: number,
  allowExcluded = true,
  ahead = 0,
): TakenLease[] {
  const taken: TakenLease[] = [];
  while (taken.length < freeExecutors) {
    const next = serveNext(view, slave, now, allowExcluded) ?? duplicateNext(view, slave);
    if (next === null) {
      break;
    }
    taken.push(next);
  }
  for (let left = ahead; left > 0; left -= 1) {
    const next = takeAhead(view, slave, now);
    if (next === null) {
      break;
    }
    taken.push(next);
  }
  return taken;
}

/** Builds whose every queued atom is excluded from this slave are passed over for others. */
function serveNext(
  view: SchedulerView,
  slave: SlaveId,
  now: number,
  allowExcluded: boolean,
): TakenLease | null {
  const passed = new Set<BuildWork>();
  for (;;) {
    const build = pickBuild(mayServe(view, slave, passed), slave, now);
    if (build === null) {
      return null;
    }
    if (build.state !== 'BUILDING') {
      return takePreparation(view, build, slave, now);
    }
    const inDoubt = build.findInDoubt(slave, allowExcluded);
    if (inDoubt !== null) {
      return takeDuplicate(view, build, inDoubt, slave);
    }
    const taken = mayRunOn(build, slave) ? build.takeSubjob(view.nextLease(), slave, allowExcluded) : null;
    if (taken !== null) {
      return { kind: 'subjob', build, ...taken, isDuplicate: false };
    }
    passed.add(build);
  }
}

function takePreparation(view: SchedulerView, build: BuildWork, slave: SlaveId, now: number): TakenLease {
  const isDuplicate = build.isPreparationInDoubt;
  if (!isDuplicate) {
    build.enter('PREPARING', now);
  }
  const lease = view.nextLease();
  const { attempts: attempt } = build.takePreparation(lease, slave);
  return { kind: 'preparation', build, lease, attempt, isDuplicate };
}

function takeDuplicate(view: SchedulerView, build: BuildWork, subjob: SubjobId, slave: SlaveId): TakenLease {
  return {
    kind: 'subjob',
    build,
    ...build.takeDuplicate(subjob, view.nextLease(), slave),
    isDuplicate: true,
  };
}

function takeAhead(view: SchedulerView, slave: SlaveId, now: number): TakenLease | null {
  const build = pickBuild(eligibleBuilds(view, slave), slave, now);
  if (build?.setup.isOpenOn(slave) !== true || build.queued <= build.running) {
    return null;
  }
  const taken = build.takeSubjob(view.nextLease(), slave, false);
  return taken === null ? null : { kind: 'subjob', build, ...taken, isDuplicate: false };
}

function duplicateNext(view: SchedulerView, slave: SlaveId): TakenLease | null {
  for (const build of view.builds) {
    const straggler =
      mayHoldMoreOn(build, slave) && build.queued === 0 ? build.findStraggler(slave, view.steady) : null;
    if (straggler !== null) {
      return takeDuplicate(view, build, straggler, slave);
    }
  }
  return null;
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
    const isOwn = build.preparation.holders[0]?.slave === slave;
    const mayPrepare = isUnprepared(build) && !isOwn && !build.refusedBy.has(slave);
    const mayRun = mayRunOn(build, slave) || mayTakeOver(build, slave);
    if (mayPrepare || (mayRun && !passed.has(build))) {
      yield build;
    }
  }
}

/** Whether a slave may be given the preparation of this build. */
function isUnprepared({ state, isPreparationInDoubt }: BuildWork): boolean {
  return state === 'QUEUED' || isPreparationInDoubt;
}

/** Whether this slave may be given a subjob of this build now. */
export function mayRunOn(build: BuildWork, slave: SlaveId): boolean {
  return build.queued > 0 && mayHoldMoreOn(build, slave) && !setupExceedsRemaining(build, slave);
}

/** Whether this slave may start a subjob that only a suspect slave holds. */
function mayTakeOver(build: BuildWork, slave: SlaveId): boolean {
  return build.inDoubt > 0 && mayHoldMoreOn(build, slave) && !setupExceedsRemaining(build, slave);
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
 * Whether the slave would have to set the build up, and be ready only after others have finished the rest. Never so for a
 * build that nobody works on but suspect slaves.
 */
export function setupExceedsRemaining(
  { setup, secondsOfRest, surelyRunning }: BuildWork,
  slave: SlaveId,
): boolean {
  const { seconds } = setup;
  return (
    surelyRunning > 0 &&
    !setup.isOpenOn(slave) &&
    seconds !== null &&
    secondsOfRest !== null &&
    secondsOfRest / surelyRunning < seconds
  );
}

/** Whether anything could be handed out to any slave: a cheap check before a thousand slaves are looked at. */
export function hasWork(builds: Iterable<BuildWork>): boolean {
  for (const build of builds) {
    const { state, queued, inDoubt, running, duplicates, limits } = build;
    const isOpen = state === 'BUILDING' && running < limits.maxExecutors;
    const mayStraggle = limits.speculative === true && running > 2 * duplicates;
    if (isUnprepared(build) || (isOpen && (queued > 0 || inDoubt > 0 || mayStraggle))) {
      return true;
    }
  }
  return false;
}
