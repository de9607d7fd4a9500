import type { ActiveBuild, EarlyEnd } from '../state/active-build.js';
import { type MasterState, StateChange } from '../state/master-state.js';
import { updateBuild } from '../store/builds.js';
import { appendEvent } from '../store/events.js';
import { endBuild } from './finish-build.js';

/*
 * A build that is to end before its work does not end at once: slaves that hold subjobs of it end what runs and deliver
 * what there is. It ends when no lease is held any more, and at the latest when the grace is over.
 */

/** Begins the end of a build. When nothing of it runs, or there is no grace, the build ends at once. */
export function stopBuild(master: MasterState, build: ActiveBuild, end: EarlyEnd, change: StateChange): void {
  const { id, work } = build;
  const { state, message } = end;
  if (build.stopping !== null) {
    return;
  }
  const isRunning = work.state === 'BUILDING' && master.leases.ofBuild(build).size > 0;
  if (!isRunning || master.endGraceMs === 0) {
    endBuild(master, build, state, message, change);
    return;
  }
  const { now } = master;
  build.stop(end, master.steady + master.endGraceMs);
  change.writes.push(
    updateBuild(id, { stopping: message, stopping_state: state }),
    appendEvent('BUILD_STOPPING', { build_id: id, reason: message }, now),
  );
  master.watchers.changed(id);
}

/** Commits, then notifies the slaves of those builds that `stopBuild` has stopped. */
export async function commitStop(
  master: MasterState,
  change: StateChange,
  builds: readonly ActiveBuild[],
): Promise<void> {
  await master.commit(change);
  for (const { id, stopping, ending } of builds) {
    if (stopping !== null && ending === null) {
      master.buildChanged(id);
    }
  }
  master.workAppeared();
}

/** Ends the builds whose grace is over. */
export async function endStoppedBuilds(master: MasterState): Promise<void> {
  const change = new StateChange();
  for (const build of master.builds.values()) {
    const { stopping, ending } = build;
    if (stopping !== null && ending === null && master.steady >= stopping.until) {
      endBuild(master, build, stopping.state, stopping.message, change);
    }
  }
  if (change.ended.length > 0) {
    await master.commit(change);
    master.workAppeared();
  }
}
