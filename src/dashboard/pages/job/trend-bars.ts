import { durationText } from '../../../lib/text/duration-text.js';
import type { AtomRunInBuild, JobBuild } from '../../../protocol/build/history.js';
import { lookOfRun } from '../../parts/status/run-look.js';
import { lookOfBuild, type StatusLook } from '../../parts/status/status-look.js';
import { pathTo } from '../../router/page-paths.js';

/** A bar of a trend. */
export interface TrendBar {
  readonly key: number;
  /** Where it leads to; null when that was deleted. */
  readonly path: string | null;
  readonly look: StatusLook;
  /** null when it is not known. */
  readonly seconds: number | null;
  /** Seconds since the epoch. */
  readonly at: number;
  /** Everything about it in words. */
  readonly text: string;
}

/** So many bars are drawn. */
const MOST_BARS = 60;
/** Characters of a branch that are shown below them. */
const MAX_BRANCH = 60;

/** The whole builds of a job, oldest first. Partial ones would say little. @param builds newest first */
export function barsOfBuilds(builds: readonly JobBuild[]): TrendBar[] {
  return builds
    .filter(({ is_partial }) => !is_partial)
    .slice(0, MOST_BARS)
    .reverse()
    .map((build) => {
      const look = lookOfBuild(build);
      const { build_id: buildId, num_atoms_failed: failed, num_atoms: all, seconds, branch } = build;
      const facts = [
        ...(failed > 0 ? [`${failed} of ${all ?? failed} atoms failed`] : []),
        ...(build.num_atoms_flaky > 0 ? [`${build.num_atoms_flaky} flaky`] : []),
        ...durationFacts(seconds),
        ...(branch === null ? [] : [branch.slice(0, MAX_BRANCH)]),
        ...(build.retained ? [] : ['deleted']),
      ];
      return {
        key: buildId,
        path: build.retained ? pathTo({ page: 'build', buildId, tab: 'overview' }) : null,
        look,
        seconds,
        at: build.ended_at,
        text: `Build ${buildId} ${look.word}: ${facts.join(', ')}`,
      };
    });
}

/** The runs of an atom. @param runs oldest first */
export function barsOfRuns(runs: readonly AtomRunInBuild[]): TrendBar[] {
  return runs.slice(-MOST_BARS).map((run) => {
    const look = lookOfRun(run);
    const { build_id: buildId, atom_id: atomId, seconds } = run;
    const facts = [...durationFacts(seconds), ...(run.retained ? [] : ['deleted'])];
    return {
      key: buildId,
      path: run.retained ? pathTo({ page: 'atom', buildId, atomId }) : null,
      look,
      seconds,
      at: run.at,
      text: `${look.word} in build ${buildId}${facts.length === 0 ? '' : `: ${facts.join(', ')}`}`,
    };
  });
}

function durationFacts(seconds: number | null): string[] {
  return seconds === null ? [] : [durationText(seconds)];
}

/** The value at the top of the axis, and the heights of the bars in percent of it; unknown ones are the lowest. */
export function scaleOf(bars: readonly Pick<TrendBar, 'seconds'>[]): {
  readonly top: number;
  readonly heights: readonly number[];
} {
  const top = Math.max(0, ...bars.map(({ seconds }) => seconds ?? 0));
  const heights = bars.map(({ seconds }) =>
    top === 0 ? LOWEST : Math.max(LOWEST, Math.round((100 * (seconds ?? 0)) / top)),
  );
  return { top, heights };
}

/** So that each bar can be seen and pointed at. */
const LOWEST = 3;

/** The bar to go to from another one with a key; null for a key that leads to none. */
export function barAfterKey(key: string, from: number, count: number): number | null {
  const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: count - 1 }[key];
  return to === undefined ? null : Math.min(count - 1, Math.max(0, to));
}
