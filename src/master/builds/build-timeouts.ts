import { durationSeconds } from '../../job/duration.js';
import { seconds } from '../../lib/clock.js';
import type { BuildEntry } from '../state/entries.js';
import { Change, type Cluster } from '../state/master-state.js';
import { commitStop, stopBuild } from './early-end.js';

/**
 * Ends the builds that have taken longer than their build_timeout. The time counts from BUILDING on: a master that is
 * restarted, or was away, counts on. That somebody sets the clock ends no build.
 */
export async function endOverdueBuilds(cluster: Cluster): Promise<void> {
  const change = new Change();
  const overdue: BuildEntry[] = [];
  for (const build of cluster.builds.values()) {
    const limit = build.job?.definition.build_timeout;
    if (
      limit !== undefined &&
      build.ending === null &&
      build.stopping === null &&
      secondsBuilding(cluster, build) >= durationSeconds(limit)
    ) {
      const sentence = `The build took longer than its build_timeout (${durationSeconds(limit)} s) and was ended.`;
      stopBuild(cluster, build, { state: 'CANCELED', sentence }, change);
      overdue.push(build);
    }
  }
  if (overdue.length > 0) {
    await commitStop(cluster, change, overdue);
  }
}

function secondsBuilding(cluster: Cluster, { work, buildingSince }: BuildEntry): number {
  return work.state !== 'BUILDING' || buildingSince === null ? 0 : seconds(cluster.steady - buildingSince);
}
