import { resultOf } from '../domain/build.js';
import type { BuildState } from '../protocol/build.js';
import type { BuildEntry, Change, Cluster } from './cluster.js';
import { updateBuild } from './store/builds.js';
import { appendEvent } from './store/events.js';
import { cancelHeldLeases } from './store/leases.js';
import { factsColumn } from './store/result-facts.js';

/**
 * Ends the build in memory and adds to `change` what the store must learn. Leases that are still held end with it; their slaves are told when they ask next.
 */
export function endBuild(
  cluster: Cluster,
  build: BuildEntry,
  state: Extract<BuildState, 'FINISHED' | 'CANCELED' | 'ERROR'>,
  errorMessage: string | null,
  change: Change,
): void {
  const { id, work } = build;
  const { now } = cluster;
  for (const held of [...build.leases]) {
    cluster.letGo(held);
  }
  work.enter(state, cluster.nowSeconds);
  change.ended.push(build);
  const row = {
    state,
    timestamps: JSON.stringify(work.timestamps),
    num_subjobs_done: work.done,
    num_atoms_done: build.atomsDone,
    num_atoms_failed: build.atomsFailed,
    num_atoms_lost: build.atomsLost,
    num_atoms_flaky: build.atomsFlaky,
    facts: factsColumn(build.resultFacts),
    error_message: errorMessage,
    ended_at: now,
  };
  const result = resultOf(state, build.atomsFailed) ?? 'FAILURE';
  change.steps.push(async (db) => {
    await cancelHeldLeases(db, id, now);
    await updateBuild(db, id, row);
    await appendEvent(db, 'BUILD_ENDED', { build_id: id, state, result }, now);
  });
}

/** Ends the build when every subjob has its verdict. */
export function finishIfComplete(cluster: Cluster, build: BuildEntry, change: Change): void {
  if (build.work.state === 'BUILDING' && build.work.isComplete) {
    endBuild(cluster, build, 'FINISHED', null, change);
  }
}
