import type { SubjobId } from '../../protocol/ids.js';
import { archivePath } from '../archives/archive-files.js';
import type { ActiveBuild } from '../state/active-build.js';
import type { MasterState } from '../state/master-state.js';
import { deliveredSubjobs } from '../store/subjobs.js';
import type { KeptResults } from './kept-results.js';

/** Archives in a batch, since a build may have a hundred thousand of them. */
const BATCH = 256;
const ALIVE_EVERY_MS = 15_000;

/** See MasterService.followArchives. */
export async function* arrivingArchives(
  master: MasterState,
  kept: KeptResults,
  build: ActiveBuild,
  end: AbortSignal,
): AsyncGenerator<readonly string[]> {
  const pathOf = (subjob: SubjobId) => archivePath(master.resultsDirectory, build.id, subjob);
  let named = 0;
  // The head of a response is sent with its first bytes, so the first batch comes at once.
  let lastBatch = Number.NEGATIVE_INFINITY;
  while (!end.aborted) {
    const news = build.delivered.slice(named, named + BATCH);
    if (news.length > 0) {
      named += news.length;
      lastBatch = master.steady;
      yield news.map(pathOf);
      continue;
    }
    if (build.ending !== null) {
      break;
    }
    const silent = master.steady - lastBatch;
    if (silent >= ALIVE_EVERY_MS) {
      lastBatch = master.steady;
      yield [];
      continue;
    }
    // Every change of the build wakes this, though few are results.
    await master.watchers.wait(master.clock, build.id, 'change', ALIVE_EVERY_MS - silent, end);
  }
  if (end.aborted) {
    return;
  }
  // The end of a build is committed with its last result, which may not be in a batch yet.
  await build.ending;
  const all = new Set(build.delivered.slice(0, named));
  const left = (await deliveredSubjobs(master.store.db, build.id)).filter((subjob) => !all.has(subjob));
  for (let at = 0; at < left.length; at += BATCH) {
    yield left.slice(at, at + BATCH).map(pathOf);
  }
  const undelivered = await kept.archivesOf(build.id);
  for (let at = 0; at < undelivered.length; at += BATCH) {
    yield undelivered.slice(at, at + BATCH).map(({ path }) => path);
  }
}
