import { endBuild } from '../leases/finish-build.js';
import type { BuildEntry, EarlyEnd } from '../state/entries.js';
import { Change, type Cluster } from '../state/master-state.js';
import { updateBuild } from '../store/builds.js';
import { appendEvent } from '../store/events.js';

/*
 * A build that is to end before its work does not end at once: slaves that hold subjobs of it end what runs and deliver
 * what there is. It ends when nobody holds a lease any more, and at the latest when the grace is over.
 */

/** Begins the end of a build; without anything that runs, or without a grace, this is its end. */
export function stopBuild(
  cluster: Cluster,
  build: BuildEntry,
  { state, sentence }: EarlyEnd,
  change: Change,
): void {
  const { id, work, leases } = build;
  if (build.stopping !== null) {
    return;
  }
  const isRunning = work.state === 'BUILDING' && leases.size > 0;
  if (!isRunning || cluster.endGraceMs === 0) {
    endBuild(cluster, build, state, sentence, change);
    return;
  }
  const { now } = cluster;
  build.stopping = { state, sentence, until: cluster.steady + cluster.endGraceMs };
  work.stop();
  change.steps.push(async (db) => {
    await updateBuild(db, id, { stopping: sentence, stopping_state: state });
    await appendEvent(db, 'BUILD_STOPPING', { build_id: id, reason: sentence }, now);
  });
  cluster.watchers.changed(id);
}

/** For those that `stopBuild` may have stopped: commits, then tells their slaves. */
export async function commitStop(
  cluster: Cluster,
  change: Change,
  builds: readonly BuildEntry[],
): Promise<void> {
  await cluster.commit(change);
  for (const { id, stopping, ending } of builds) {
    if (stopping !== null && ending === null) {
      cluster.newsOf(id);
    }
  }
  cluster.workAppeared();
}

/** Ends the builds whose slaves have had their time. */
export async function endStoppedBuilds(cluster: Cluster): Promise<void> {
  const change = new Change();
  for (const build of cluster.builds.values()) {
    const { stopping, ending } = build;
    if (stopping !== null && ending === null && cluster.steady >= stopping.until) {
      endBuild(cluster, build, stopping.state, stopping.sentence, change);
    }
  }
  if (change.ended.length > 0) {
    await cluster.commit(change);
    cluster.workAppeared();
  }
}
