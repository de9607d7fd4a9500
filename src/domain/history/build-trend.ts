import type { BuildState } from '../../protocol/build/build.js';
import { quantile } from './atom-scores.js';

/** A job's recent builds say how it is now: so many of the newest count. */
export const RECENT_BUILDS = 50;

/** The facts about an ended build that trends are made of. */
export interface EndedBuild {
  readonly state: Extract<BuildState, 'FINISHED' | 'CANCELED' | 'ERROR'>;
  readonly isSuccess: boolean;
  /** Whether its request named the atoms to run, as reruns do: it says little about the whole job. */
  readonly isPartial: boolean;
  /** From the start of its preparation to its end; null when it was never prepared. */
  readonly seconds: number | null;
  /** Milliseconds since the epoch. */
  readonly endedAt: number;
  /** Spent on runs of atoms that failed and were repeated. */
  readonly retrySeconds: number;
}

export interface BuildSummary {
  /** The part of the whole builds that succeeded. Canceled ones do not count. null when there are none. */
  readonly passRate: number | null;
  /** The median duration of the whole builds that are FINISHED. */
  readonly p50Seconds: number | null;
  readonly p95Seconds: number | null;
}

export function summaryOf(builds: readonly EndedBuild[]): BuildSummary {
  const judged = builds.filter(({ isPartial, state }) => !isPartial && state !== 'CANCELED');
  const finished = judged.filter(({ state }) => state === 'FINISHED');
  const seconds = finished.flatMap((build) => build.seconds ?? []);
  return {
    passRate: judged.length === 0 ? null : judged.filter(({ isSuccess }) => isSuccess).length / judged.length,
    p50Seconds: quantile(seconds, 0.5),
    p95Seconds: quantile(seconds, 0.95),
  };
}

/** The builds of a job that ended on one day (UTC). Those that are not whole count in `numBuilds` and `retrySeconds` only. */
export interface TrendDay extends BuildSummary {
  /** Days since the epoch. */
  readonly day: number;
  readonly numBuilds: number;
  readonly numPassed: number;
  readonly numFailed: number;
  readonly numCanceled: number;
  readonly retrySeconds: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** In order of day; days without builds are left out. */
export function trendOf(builds: readonly EndedBuild[]): TrendDay[] {
  const byDay = new Map<number, EndedBuild[]>();
  for (const build of builds) {
    const day = Math.floor(build.endedAt / DAY_MS);
    byDay.set(day, [...(byDay.get(day) ?? []), build]);
  }
  return [...byDay]
    .sort(([a], [b]) => a - b)
    .map(([day, some]) => {
      const whole = some.filter(({ isPartial }) => !isPartial);
      const judged = whole.filter(({ state }) => state !== 'CANCELED');
      const numPassed = judged.filter(({ isSuccess }) => isSuccess).length;
      return {
        day,
        numBuilds: some.length,
        numPassed,
        numFailed: judged.length - numPassed,
        numCanceled: whole.length - judged.length,
        retrySeconds: some.reduce((sum, { retrySeconds }) => sum + retrySeconds, 0),
        ...summaryOf(some),
      };
    });
}
