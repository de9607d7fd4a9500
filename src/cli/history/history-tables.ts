import { nameOfValue } from '../../job/atom-name.js';
import { durationText } from '../../lib/text/duration-text.js';
import { passRateFact, passRateText } from '../../lib/text/pass-rate-text.js';
import { percentText } from '../../lib/text/percent-text.js';
import { quantilesText } from '../../lib/text/quantiles-text.js';
import { cleanLine } from '../../lib/text/strip-control-chars.js';
import type { Job, JobAtom, JobBuild } from '../../protocol/build/history.js';
import { fitLine } from '../build/progress/progress.js';
import { localMoment } from '../text/local-moment.js';
import { resultText } from '../text/result-text.js';
import { shortCommit } from '../text/revision-text.js';
import { table } from '../text/table.js';
import { BUILD_LEGEND, barsOf, buildMarks, runMarks } from './run-marks.js';

/* The history as text for a terminal. Times are local unless a time zone is given. */

/** Longer names are cut. */
const MAX_NAME = 100;
/** The newest runs of an atom that have marks. */
export const RUNS_SHOWN = 20;
/** The newest builds of a job that have marks. */
export const BUILDS_IN_TREND = 50;

export function jobsTable(jobs: readonly Job[], timeZone?: string): string {
  return table([
    [
      'NUMBER',
      'BUILDS',
      'PASSED',
      'MEDIAN',
      '95 % WITHIN',
      'LAST BUILD',
      'RESULT',
      'ENDED',
      'JOB',
      'PROJECT',
    ],
    ...jobs.map((job) => [
      String(job.id),
      String(job.num_builds),
      passRateText(job) ?? '-',
      durationOr(job.p50_seconds),
      durationOr(job.p95_seconds),
      job.last_build === null ? '-' : String(job.last_build.build_id),
      job.last_build === null ? '-' : resultOf(job.last_build),
      localMoment(job.last_build?.ended_at, timeZone),
      bounded(job.name),
      bounded(job.project),
    ]),
  ]);
}

/** The job in a sentence. */
export function jobText(job: Job): string {
  const { name, project, num_builds: builds } = job;
  const facts = [
    `${builds} ${builds === 1 ? 'build' : 'builds'}`,
    ...[passRateFact(job), quantilesText(job)].filter((fact) => fact !== null),
  ];
  return `${bounded(name)} of ${bounded(project)} (job ${job.id}): ${facts.join(', ')}.`;
}

/**
 * Verdicts and durations of the newest whole builds, oldest first. Empty when there are none.
 * @param builds newest first
 */
export function trendText(builds: readonly JobBuild[]): string {
  const shown = builds
    .filter(({ is_partial }) => !is_partial)
    .slice(0, BUILDS_IN_TREND)
    .reverse();
  if (shown.length === 0) {
    return '';
  }
  const known = shown.flatMap(({ seconds }) => seconds ?? []);
  const range =
    known.length === 0 ? '' : `${durationText(Math.min(...known))} to ${durationText(Math.max(...known))}`;
  return [
    `The newest ${shown.length === 1 ? 'build' : `${shown.length} builds, oldest first`}:`,
    `  ${buildMarks(shown)}  ${BUILD_LEGEND}`,
    `  ${barsOf(shown.map(({ seconds }) => seconds))}  ${range}`.trimEnd(),
  ].join('\n');
}

/** @param builds in the order to show */
export function jobBuildsTable(builds: readonly JobBuild[], timeZone?: string): string {
  return table([
    ['BUILD', 'RESULT', 'ATOMS', 'FAILED', 'FLAKY', 'ENDED', 'TOOK', 'RETRIES', 'BRANCH', 'COMMIT', 'BY'],
    ...builds.map((build) => [
      `${build.build_id}${build.retained ? '' : ' (deleted)'}`,
      resultOf(build),
      build.num_atoms === null ? '-' : `${build.num_atoms_done}/${build.num_atoms}`,
      String(build.num_atoms_failed),
      String(build.num_atoms_flaky),
      localMoment(build.ended_at, timeZone),
      durationOr(build.seconds),
      durationOr(build.retry_seconds || null),
      bounded(build.branch ?? '-'),
      commitOf(build),
      bounded(build.requested_by ?? '-'),
    ]),
  ]);
}

export function jobAtomsTable(atoms: readonly JobAtom[], { atom_variables: variables }: Job): string {
  return table([
    ['FLAKINESS', 'FAILED', 'RUNS', 'FAILS SINCE', 'MEDIAN', '95 % WITHIN', 'RETRIES', 'LAST', 'ATOM'],
    ...atoms.map((atom) => [
      percentText(atom.flakiness),
      String(atom.failures),
      String(atom.runs),
      atom.failing_since === null ? '-' : `build ${atom.failing_since.build_id}`,
      durationOr(atom.p50_seconds),
      durationOr(atom.p95_seconds),
      durationOr(atom.retry_seconds || null),
      runMarks(atom.last, RUNS_SHOWN),
      bounded(nameOfAtom(atom.name, variables)),
    ]),
  ]);
}

/** The name of an atom for people, from that in the history: `VARIABLE=value`. */
function nameOfAtom(name: string, variables: readonly string[]): string {
  const end = name.indexOf('=');
  return nameOfValue({ variable: name.slice(0, end), value: name.slice(end + 1) }, variables);
}

function resultOf(build: JobBuild): string {
  const { state, is_partial: isPartial } = build;
  return `${state === 'FINISHED' ? resultText(build) : state}${isPartial ? ' (partial)' : ''}`;
}

function commitOf({ commit, has_changes: hasChanges }: JobBuild): string {
  return commit === null
    ? '-'
    : shortCommit({ commit, branch: null, subject: null, has_changes: hasChanges });
}

function durationOr(seconds: number | null): string {
  return seconds === null ? '-' : durationText(seconds);
}

function bounded(text: string): string {
  return fitLine(cleanLine(text), MAX_NAME);
}
