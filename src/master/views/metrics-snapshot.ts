import type { BuildState } from '../../protocol/build/build.js';
import type { Cluster } from '../state/master-state.js';
import type { Snapshot } from '../state/metrics.js';
import { presentSlave } from '../state/slave-registry.js';

/** What the metrics show of this moment. */
export function snapshotOf(cluster: Cluster): Snapshot {
  const builds: Partial<Record<BuildState, number>> = {};
  let queued = 0;
  for (const { work, ending } of cluster.builds.values()) {
    if (ending === null) {
      builds[work.state] = (builds[work.state] ?? 0) + 1;
      queued += work.state === 'QUEUED' ? 1 : work.queued;
    }
  }
  const slaves: Record<string, number> = {};
  let executors = 0;
  for (const slave of cluster.slaves.all()) {
    const { state } = presentSlave(slave, cluster.steady);
    slaves[state] = (slaves[state] ?? 0) + 1;
    executors += state === 'GONE' ? 0 : slave.numExecutors;
  }
  return { builds, queued, executors, executorsBusy: cluster.held.size, slaves };
}
