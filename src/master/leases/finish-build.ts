import { resultOf } from '../../domain/build-state.js';
import type { BuildState } from '../../protocol/build/build.js';
import type { ActiveBuild } from '../state/active-build.js';
import type { MasterState, StateChange } from '../state/master-state.js';
import { settleAtoms, storeVerdictCounts } from '../store/atoms.js';
import { updateBuild } from '../store/builds.js';
import { appendEvent } from '../store/events.js';
import { queueForHistory } from '../store/history/unrecorded-builds.js';
import { cancelHeldLeases } from '../store/leases.js';
import { cutSubjobs } from '../store/subjobs.js';

/**
 * Ends the build in memory, and adds to `change` what is to be persisted. Leases that are still held end with it; their
 * slaves are notified when they poll next. Verdicts that slaves have reported stay.
 */
export function endBuild(
  master: MasterState,
  build: ActiveBuild,
  state: Extract<BuildState, 'FINISHED' | 'CANCELED' | 'ERROR'>,
  errorMessage: string | null,
  change: StateChange,
): void {
  const { id, work, counts } = build;
  const { now } = master;
  for (const lease of [...master.leases.ofBuild(build)]) {
    master.leases.release(lease);
  }
  work.enter(state, master.nowSeconds);
  change.ended.push(build);
  const row = {
    state,
    timestamps: work.timestamps,
    num_subjobs_done: work.done,
    error_message: errorMessage,
    ended_at: now,
  };
  const memory = {
    num_atoms_done: counts.done,
    num_atoms_failed: counts.failed,
    num_atoms_lost: counts.lost,
    num_atoms_flaky: counts.flaky,
    num_atoms_cached: counts.cached,
    facts: build.resultFacts,
  };
  // Every subjob was delivered, so there is nothing to settle or to count.
  const isComplete = state === 'FINISHED' && counts.lost === 0;
  const result = resultOf(state, counts.failed) ?? 'FAILURE';
  change.writes.push(
    cancelHeldLeases(id, now),
    updateBuild(id, isComplete ? { ...row, ...memory } : row),
    ...(isComplete ? [] : [...settleAtoms(id, now), cutSubjobs(id), storeVerdictCounts(id)]),
    queueForHistory(id, isPartial(build)),
    appendEvent('BUILD_ENDED', { build_id: id, state, result }, now),
  );
}

/** Whether it runs only some of the atoms of its job. */
function isPartial({ request, affected }: ActiveBuild): boolean {
  return request.atoms_override !== undefined || (affected?.num_unaffected ?? 0) > 0;
}

/** Ends the build when every subjob has its verdict, or when it is being ended early and no lease of it is held. */
export function endIfOver(master: MasterState, build: ActiveBuild, change: StateChange): void {
  const { work, stopping } = build;
  if (work.state !== 'BUILDING') {
    return;
  }
  if (stopping !== null && master.leases.ofBuild(build).size === 0) {
    endBuild(master, build, stopping.state, stopping.message, change);
  } else if (stopping === null && work.isComplete) {
    endBuild(master, build, 'FINISHED', null, change);
  }
}
