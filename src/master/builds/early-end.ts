import { endBuild } from '../leases/finish-build.js';
import type { ActiveBuild, EarlyEnd } from '../state/entries.js';
import { type MasterState, StateChange } from '../state/master-state.js';
import { updateBuild } from '../store/builds.js';
import { appendEvent } from '../store/events.js';

/*
 * A build that is to end before its work does not end at once: slaves that hold subjobs of it end what runs and deliver
 * what there is. It ends when nobody holds a lease any more, and at the latest when the grace is over.
 */

/** Begins the end of a build; without anything that runs, or without a grace, this is its end. */
export function stopBuild(
  master: MasterState,
  build: ActiveBuild,
  { state, sentence }: EarlyEnd,
  change: StateChange,
): void {
  const { id, work, leases } = build;
  if (build.stopping !== null) {
    return;
  }
  const isRunning = work.state === 'BUILDING' && leases.size > 0;
  if (!isRunning || master.endGraceMs === 0) {
    endBuild(master, build, state, sentence, change);
    return;
  }
  const { now } = master;
  build.stopping = { state, sentence, until: master.steady + master.endGraceMs };
  work.stop();
  change.writes.push(
    updateBuild(id, { stopping: sentence, stopping_state: state }),
    appendEvent('BUILD_STOPPING', { build_id: id, reason: sentence }, now),
  );
  master.watchers.changed(id);
}

/** For those that `stopBuild` may have stopped: commits, then tells their slaves. */
export async function commitStop(
  master: MasterState,
  change: StateChange,
  builds: readonly ActiveBuild[],
): Promise<void> {
  await master.commit(change);
  for (const { id, stopping, ending } of builds) {
    if (stopping !== null && ending === null) {
      master.newsOf(id);
    }
  }
  master.workAppeared();
}

/** Ends the builds whose slaves have had their time. */
export async function endStoppedBuilds(master: MasterState): Promise<void> {
  const change = new StateChange();
  for (const build of master.builds.values()) {
    const { stopping, ending } = build;
    if (stopping !== null && ending === null && master.steady >= stopping.until) {
      endBuild(master, build, stopping.state, stopping.sentence, change);
    }
  }
  if (change.ended.length > 0) {
    await master.commit(change);
    master.workAppeared();
  }
}
