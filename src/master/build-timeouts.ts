import { durationSeconds } from '../job/duration.js';
import { seconds } from '../lib/clock.js';
import { type BuildEntry, Change, type Cluster } from './cluster.js';
import { endBuild } from './ending.js';

/**
 * Ends the builds that have taken longer than their build_timeout. The time counts from BUILDING on: a master that is
 * restarted, or was away, counts on. That somebody sets the clock ends no build.
 */
export async function endOverdueBuilds(cluster: Cluster): Promise<void> {
  const change = new Change();
  for (const build of cluster.builds.values()) {
    const limit = build.job?.definition.build_timeout;
    if (
      limit !== undefined &&
      build.ending === null &&
      secondsBuilding(cluster, build) >= durationSeconds(limit)
    ) {
      const sentence = `The build took longer than its build_timeout (${durationSeconds(limit)} s) and was ended.`;
      endBuild(cluster, build, 'CANCELED', sentence, change);
    }
  }
  if (change.ended.length > 0) {
    await cluster.commit(change);
    cluster.workAppeared();
  }
}

function secondsBuilding(cluster: Cluster, { work, buildingSince }: BuildEntry): number {
  return work.state !== 'BUILDING' || buildingSince === null ? 0 : seconds(cluster.steady - buildingSince);
}
