import type { AtomDay } from '../../domain/history/atom-days.js';
import type { AtomHistory } from '../../domain/history/atom-history.js';
import type { AtomRun } from '../../domain/history/atom-runs.js';
import { type BuildMoment, quantile, typicalSeconds } from '../../domain/history/atom-scores.js';
import type { TrendDay } from '../../domain/history/build-trend.js';
import { seconds } from '../../lib/clock.js';
import type {
  AtomHistoryWithDays,
  AtomRunInBuild,
  Job,
  JobAtom,
  JobBuild,
  JobDay,
} from '../../protocol/build/history.js';
import { toId } from '../../protocol/ids.js';
import type { ListedJobBuild } from '../store/history/job-builds.js';
import { readVariables } from '../store/history/jobs.js';
import type { JobRow } from '../store/tables.js';
import { endedBuildOf } from './build-record.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const MINUTE = 60;

/** Whether a build still exists. */
type IsRetained = (build: number) => boolean;

export function presentJob(row: JobRow, lastBuild: ListedJobBuild | undefined): Job {
  return {
    id: toId.job(row.id),
    // Without the mark that would precede a folder in the repository.
    project: row.project.replace(/#$/, ''),
    name: row.name,
    atom_variables: readVariables(row.atom_variables),
    num_builds: row.num_builds,
    num_atoms: row.num_atoms,
    pass_rate: row.pass_rate,
    p50_seconds: row.p50_seconds,
    p95_seconds: row.p95_seconds,
    last_build: lastBuild === undefined ? null : presentJobBuild(lastBuild),
  };
}

export function presentJobBuild(row: ListedJobBuild): JobBuild {
  const ended = endedBuildOf(row);
  return {
    build_id: toId.build(row.build_id),
    retained: row.retained !== null,
    state: row.state,
    result: ended.isSuccess ? 'SUCCESS' : 'FAILURE',
    is_partial: ended.isPartial,
    created_at: seconds(row.created_at),
    started_at: row.started_at === null ? null : seconds(row.started_at),
    ended_at: seconds(row.ended_at),
    seconds: ended.seconds,
    num_atoms: row.num_atoms,
    num_atoms_done: row.num_done,
    num_atoms_failed: row.num_failed,
    num_atoms_lost: row.num_lost,
    num_atoms_flaky: row.num_flaky,
    retry_seconds: ended.retrySeconds,
    commit: row.commit_hash,
    branch: row.branch,
    subject: row.subject,
    has_changes: row.has_changes === null ? null : row.has_changes === 1,
    requested_by: row.requested_by,
  };
}

export function presentTrendDay(day: TrendDay): JobDay {
  return {
    day: dateOf(day.day),
    num_builds: day.numBuilds,
    num_passed: day.numPassed,
    num_failed: day.numFailed,
    num_canceled: day.numCanceled,
    pass_rate: day.passRate,
    p50_seconds: day.p50Seconds,
    p95_seconds: day.p95Seconds,
    retry_seconds: day.retrySeconds,
  };
}

export function presentHistory(name: string, history: AtomHistory, isRetained: IsRetained): JobAtom {
  const typical = typicalSeconds(history.newest);
  return {
    name,
    runs: history.runs,
    failures: history.failures,
    flaky: history.flaky,
    flakiness: history.flakiness,
    p50_seconds: quantile(typical, 0.5),
    p95_seconds: quantile(typical, 0.95),
    retry_seconds: history.retrySeconds,
    recent_retry_seconds: history.recentRetrySeconds,
    failing_since: history.failingSince === null ? null : presentMoment(history.failingSince),
    last_passed: history.lastPassed === null ? null : toId.build(history.lastPassed),
    first_seen: presentMoment(history.firstSeen),
    last: history.newest.map((run) => presentRun(run, isRetained)),
  };
}

export function presentWholeHistory(
  name: string,
  history: AtomHistory,
  isRetained: IsRetained,
): AtomHistoryWithDays {
  return { ...presentHistory(name, history, isRetained), days: history.days.map(presentAtomDay) };
}

function presentRun(
  { build, atom, kind, seconds: took, minute }: AtomRun,
  isRetained: IsRetained,
): AtomRunInBuild {
  return {
    build_id: toId.build(build),
    atom_id: toId.atom(atom),
    retained: isRetained(build),
    outcome: kind === 'FLAKY' ? 'PASSED' : kind,
    flaky: kind === 'FLAKY',
    seconds: took,
    at: minute * MINUTE,
  };
}

function presentAtomDay({ day, runs, failures, flaky, retryHundredths }: AtomDay) {
  return { day: dateOf(day), runs, failures, flaky, retry_seconds: retryHundredths / 100 };
}

function presentMoment({ build, minute }: BuildMoment) {
  return { build_id: toId.build(build), at: minute * MINUTE };
}

/** Year, month and day of a day since the epoch. */
function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
