import type { BuildState } from '../../protocol/build/build.js';
import type { MasterState } from '../state/master-state.js';
import type { MetricsSnapshot } from '../state/metrics.js';
import { stateOfSlave } from './slave-view.js';

/** The current values of gauges. */
export function snapshotOf(master: MasterState): MetricsSnapshot {
  const builds: Partial<Record<BuildState, number>> = {};
  let queued = 0;
  for (const { work, ending } of master.builds.values()) {
    if (ending === null) {
      builds[work.state] = (builds[work.state] ?? 0) + 1;
      queued += work.state === 'QUEUED' ? 1 : work.queued;
    }
  }
  const slaves: Record<string, number> = {};
  let executors = 0;
  for (const slave of master.slaves.all()) {
    const state = stateOfSlave(master, slave);
    slaves[state] = (slaves[state] ?? 0) + 1;
    executors += state === 'GONE' ? 0 : slave.numExecutors;
  }
  return { builds, queued, executors, executorsBusy: master.leases.size, slaves };
}
