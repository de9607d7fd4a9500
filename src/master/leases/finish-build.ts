import { resultOf } from '../../domain/build-state.js';
import type { BuildState } from '../../protocol/build/build.js';
import type { ActiveBuild } from '../state/entries.js';
import type { MasterState, StateChange } from '../state/master-state.js';
import { settleAtoms, storeVerdictCounts } from '../store/atoms.js';
import { updateBuild } from '../store/builds.js';
import { appendEvent } from '../store/events.js';
import { factsColumn } from '../store/facts-column.js';
import { cancelHeldLeases } from '../store/leases.js';
import { cutSubjobs } from '../store/subjobs.js';

/**
 * Ends the build in memory and adds to `change` what the store must learn. Leases that are still held end with it; their
 * slaves are told when they ask next. Verdicts that slaves have reported stay.
 */
export function endBuild(
  master: MasterState,
  build: ActiveBuild,
  state: Extract<BuildState, 'FINISHED' | 'CANCELED' | 'ERROR'>,
  errorMessage: string | null,
  change: StateChange,
): void {
  const { id, work } = build;
  const { now } = master;
  for (const held of [...build.leases]) {
    master.releaseLease(held);
  }
  work.enter(state, master.nowSeconds);
  change.ended.push(build);
  const row = {
    state,
    timestamps: JSON.stringify(work.timestamps),
    num_subjobs_done: work.done,
    error_message: errorMessage,
    ended_at: now,
  };
  const memory = {
    num_atoms_done: build.atomsDone,
    num_atoms_failed: build.atomsFailed,
    num_atoms_lost: build.atomsLost,
    num_atoms_flaky: build.atomsFlaky,
    facts: factsColumn(build.resultFacts),
  };
  // Every subjob was delivered: there is nothing else to settle, and nothing to count.
  const isWhole = state === 'FINISHED' && build.atomsLost === 0;
  const result = resultOf(state, build.atomsFailed) ?? 'FAILURE';
  change.writes.push(
    cancelHeldLeases(id, now),
    updateBuild(id, isWhole ? { ...row, ...memory } : row),
    ...(isWhole ? [] : [...settleAtoms(id, now), cutSubjobs(id), storeVerdictCounts(id)]),
    appendEvent('BUILD_ENDED', { build_id: id, state, result }, now),
  );
}

/**
 * Ends the build when every subjob has its verdict; one that is being ended early when no slave holds anything of it any
 * more.
 */
export function endIfOver(master: MasterState, build: ActiveBuild, change: StateChange): void {
  const { work, stopping, leases } = build;
  if (work.state !== 'BUILDING') {
    return;
  }
  if (stopping !== null && leases.size === 0) {
    endBuild(master, build, stopping.state, stopping.sentence, change);
  } else if (stopping === null && work.isComplete) {
    endBuild(master, build, 'FINISHED', null, change);
  }
}
