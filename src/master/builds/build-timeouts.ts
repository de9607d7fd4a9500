import { durationSeconds } from '../../job/duration.js';
import { seconds } from '../../lib/clock.js';
import { commitStop, stopBuild } from '../leases/early-end.js';
import type { ActiveBuild } from '../state/active-build.js';
import { type MasterState, StateChange } from '../state/master-state.js';

/**
 * Ends the builds that have taken longer than their build_timeout. The time counts from BUILDING on, also while the
 * master is stopped. Setting the clock of its machine ends no build.
 */
export async function endOverdueBuilds(master: MasterState): Promise<void> {
  const change = new StateChange();
  const overdue: ActiveBuild[] = [];
  for (const build of master.builds.values()) {
    const limit = build.job?.definition.build_timeout;
    if (
      limit !== undefined &&
      build.ending === null &&
      build.stopping === null &&
      secondsBuilding(master, build) >= durationSeconds(limit)
    ) {
      const message = `The build took longer than its build_timeout (${durationSeconds(limit)} s) and was ended.`;
      stopBuild(master, build, { state: 'CANCELED', message }, change);
      overdue.push(build);
    }
  }
  if (overdue.length > 0) {
    await commitStop(master, change, overdue);
  }
}

function secondsBuilding(master: MasterState, { work, buildingSince }: ActiveBuild): number {
  return work.state !== 'BUILDING' || buildingSince === null ? 0 : seconds(master.steady - buildingSince);
}
