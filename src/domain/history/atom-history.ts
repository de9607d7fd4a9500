import { type AtomDay, retrySecondsOf, withRunOnDay } from './atom-days.js';
import { type AtomRun, isPass, withRun } from './atom-runs.js';
import {
  type BuildMoment,
  type CodeOf,
  failingSince,
  flakinessOf,
  quantile,
  typicalSeconds,
} from './atom-scores.js';
import { slownessOf } from './coarse-seconds.js';

/** Everything that is kept of the runs of one atom in the builds of its job. */
export interface AtomHistory {
  /** The builds since `firstSeen` in which it passed or failed. */
  readonly runs: number;
  readonly failures: number;
  /** The builds in which it failed, and passed when it was run again. */
  readonly flaky: number;
  /** Spent on runs that failed and were repeated. */
  readonly retrySeconds: number;
  /** The same on the days in `days`. */
  readonly recentRetrySeconds: number;
  /** See flakinessOf; of the newest runs. */
  readonly flakiness: number;
  /** The rank of its median duration; 0 when none is known. See slownessOf. */
  readonly slowness: number;
  readonly failingSince: BuildMoment | null;
  /** The newest build in which it passed; null when it never has. */
  readonly lastPassed: number | null;
  readonly firstSeen: BuildMoment;
  /** In order of build. */
  readonly newest: readonly AtomRun[];
  /** In order of day. */
  readonly days: readonly AtomDay[];
}

/** Adds a run to the history of its atom, of which there may be none yet. Builds may come in any order. */
export function withRunInHistory(
  before: AtomHistory | null,
  run: AtomRun,
  retrySeconds: number,
  codeOf: CodeOf,
): AtomHistory {
  const newest = withRun(before?.newest ?? [], run);
  const days = withRunOnDay(before?.days ?? [], run, retrySeconds);
  const median = quantile(typicalSeconds(newest), 0.5);
  const moment = { build: run.build, minute: run.minute };
  const lastPassed = Math.max(before?.lastPassed ?? 0, isPass(run) ? run.build : 0);
  return {
    runs: (before?.runs ?? 0) + (run.kind === 'LOST' ? 0 : 1),
    failures: (before?.failures ?? 0) + (run.kind === 'FAILED' ? 1 : 0),
    flaky: (before?.flaky ?? 0) + (run.kind === 'FLAKY' ? 1 : 0),
    retrySeconds: (before?.retrySeconds ?? 0) + retrySeconds,
    recentRetrySeconds: retrySecondsOf(days),
    flakiness: flakinessOf(newest, codeOf),
    slowness: slownessOf(median ?? 0),
    failingSince: failingSince(newest, before?.failingSince ?? null),
    lastPassed: lastPassed === 0 ? null : lastPassed,
    firstSeen: before === null || run.build < before.firstSeen.build ? moment : before.firstSeen,
    newest,
    days,
  };
}
