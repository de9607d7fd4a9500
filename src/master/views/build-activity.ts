import { shownNames } from '../../job/atom-labels.js';
import {
  type Activity,
  MAX_RUNNING_SHOWN,
  MAX_SETTING_UP_SHOWN,
  type RunningAtom,
  type SettingUp,
} from '../../protocol/build/activity.js';
import type { AtomId } from '../../protocol/ids.js';
import { atomsOf, isSecondHolder } from '../leases/lease-lifecycle.js';
import type { ActiveBuild } from '../state/active-build.js';
import type { SubjobLease } from '../state/active-lease.js';
import type { MasterState } from '../state/master-state.js';
import { isSettingUp, sharesOf } from './build-executors.js';

/*
 * The activity in a build, for its watchers. The cost grows with the leases of the build, not with its atoms.
 */

export async function activityOf(master: MasterState, build: ActiveBuild): Promise<Activity> {
  const longest = longestRunning(master, build);
  const settingUp = settingUpOf(master, build);
  const { total, latest } = build.failures;
  // Names come last, since reading them may wait, and all the rest must be of one moment.
  const names = shownNames(build);
  const running = longest.map(async ({ lease, atom: id, since }): Promise<RunningAtom[]> => {
    const seconds = tenths((master.now - since) / 1000);
    const atom = (await atomsOf(master, lease)).find((one) => one.id === id);
    return atom === undefined ? [] : [{ atom_id: id, name: names(atom), slave: lease.slave.name, seconds }];
  });
  return {
    running: (await Promise.all(running)).flat(),
    setting_up: settingUp.slice(0, MAX_SETTING_UP_SHOWN),
    failures: { total, latest: [...latest] },
  };
}

interface Running {
  readonly lease: SubjobLease;
  readonly atom: AtomId;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** Keeps the few longest while it goes through the leases: a build has thousands, and is viewed often. */
function longestRunning(master: MasterState, build: ActiveBuild): Running[] {
  const longest: Running[] = [];
  for (const lease of master.leases.ofBuild(build)) {
    if (lease.kind !== 'subjob' || lease.running === null || isSecondHolder(lease)) {
      continue;
    }
    const { atom, since } = lease.running;
    const last = longest.at(-1);
    if (longest.length < MAX_RUNNING_SHOWN || (last !== undefined && since < last.since)) {
      const at = longest.findIndex((other) => since < other.since);
      longest.splice(at === -1 ? longest.length : at, 0, { lease, atom, since });
      longest.length = Math.min(longest.length, MAX_RUNNING_SHOWN);
    }
  }
  return longest;
}

function settingUpOf(master: MasterState, build: ActiveBuild): SettingUp[] {
  return [...sharesOf(master.leases, build)]
    .filter(({ held }) => isSettingUp(held))
    .map(({ slave, held }) => ({ slave, since: Math.min(...held.map(({ tookAt }) => tookAt)) }))
    .sort((a, b) => a.since - b.since)
    .map(({ slave, since }) => ({ slave: slave.name, seconds: tenths((master.steady - since) / 1000) }));
}

function tenths(seconds: number): number {
  return Math.max(0, Math.round(seconds * 10) / 10);
}
