import type { SlaveId } from '../../protocol/ids.js';
import type { BuildWork } from '../build-work.js';

/** A build that holds no executor gains a step of priority each time it has waited for this long. */
const SECONDS_PER_STEP_OF_WAITING = 60;
/** Enough to exceed any priority; 2 to this power is an exact number. */
const MOST_STEPS_OF_WAITING = 20;

/**
 * The build that a free executor of this slave serves next; null when there is none. `builds` are those that may run
 * there or that wait to be prepared, older first; `now` in seconds since the epoch.
 *
 * It is the build that would hold the fewest executors for its weight if it got one more (the D'Hondt method of dividing
 * seats), the older one among equals. A step of priority doubles the weight. A build without executors gains steps
 * while it waits, so that newer builds of any priority cannot starve it.
 *
 * A build that waits to be prepared claims its first executor by the same rule. Its wait counts from the request on,
 * before and after the preparation. So an older prepared build starts before a newer one is prepared, and of
 * thousands of builds no more are prepared than there are executors to start them.
 *
 * A build costs each slave its fetching and `setup_build` once. So a build that is open on the slave is preferred to one
 * that is not, if the other runs elsewhere and the difference is at most one executor.
 */
export function pickBuild(builds: Iterable<BuildWork>, slave: SlaveId, now: number): BuildWork | null {
  let neediest: Claim | null = null;
  let open: Claim | null = null;
  for (const build of builds) {
    const claim = claimOf(build, now);
    neediest = nearer(neediest, claim);
    open = build.state === 'BUILDING' && build.setup.isOpenOn(slave) ? nearer(open, claim) : open;
  }
  if (neediest === null || open === null || neediest.build.running === 0) {
    return neediest?.build ?? null;
  }
  return open.load - neediest.load <= 1 / neediest.weight ? open.build : neediest.build;
}

/** The builds in the order in which free executors would begin with them. `builds` are older first. */
export function inOrderOfService(builds: readonly BuildWork[], now: number): BuildWork[] {
  return builds
    .map((build) => claimOf(build, now))
    .sort((a, b) => a.load - b.load)
    .map(({ build }) => build);
}

interface Claim {
  readonly build: BuildWork;
  readonly weight: number;
  /** Executors divided by weight, with the one that it would get. */
  readonly load: number;
}

function claimOf(build: BuildWork, now: number): Claim {
  const weight = 2 ** (build.priority + stepsOfWaiting(build, now));
  return { build, weight, load: (build.running + 1) / weight };
}

function stepsOfWaiting({ running, timestamps }: BuildWork, now: number): number {
  const since = timestamps.QUEUED ?? timestamps.BUILDING;
  if (running > 0 || since === undefined) {
    return 0;
  }
  const steps = Math.floor((now - since) / SECONDS_PER_STEP_OF_WAITING);
  return Math.min(Math.max(0, steps), MOST_STEPS_OF_WAITING);
}

function nearer(best: Claim | null, other: Claim): Claim {
  return best === null || other.load < best.load ? other : best;
}
