import { resultOf } from '../../domain/build-state.js';
import type { AtomRun } from '../../domain/history/atom-runs.js';
import type { EndedBuild } from '../../domain/history/build-trend.js';
import { variablesOfAtoms } from '../../job/atom-name.js';
import { type ProjectName, projectKey } from '../../job/build-request.js';
import { boundedName, historyName } from '../../job/history-name.js';
import type { BuildRequest } from '../../protocol/build/build.js';
import type { Revision } from '../../protocol/build/revision.js';
import { readJobColumn, readRequest, readRevision, readTimestamps } from '../store/builds.js';
import type { NewJobBuild } from '../store/history/job-builds.js';
import type { EndedAtom, EndedBuildRow } from '../store/history/unrecorded-builds.js';
import type { JobBuildRow } from '../store/tables.js';

/** Which job a build is of, under the names by which the history knows it. */
export interface JobOfBuild {
  readonly project: string;
  readonly job: string;
}

/** A build as the history has it. */
export interface BuildRecord extends JobOfBuild {
  /** The variables that the atoms of its job set; null when the job was not read. */
  readonly atomVariables: readonly string[] | null;
  readonly row: NewJobBuild;
}

/** null while it is not known which job the build is to run. */
export function jobOfBuild({
  listed_request,
  job,
}: Pick<EndedBuildRow, 'listed_request' | 'job'>): JobOfBuild | null {
  return jobNamed(readRequest(listed_request), job === null ? null : readJobColumn(job).name);
}

/** The same for a request, and the name of the job that was read for it; null before that. */
export function jobNamed(request: BuildRequest, job: string | null): JobOfBuild | null {
  const name = job ?? request.job_name;
  return name === undefined || name === null
    ? null
    : { project: boundedName(projectKey(request satisfies ProjectName)), job: boundedName(name) };
}

/** null when it is not known which job the build was to run, or it has not ended. */
export function recordOf(build: EndedBuildRow, isPartial: boolean): BuildRecord | null {
  const { state, ended_at } = build;
  const names = jobOfBuild(build);
  if (
    names === null ||
    ended_at === null ||
    (state !== 'FINISHED' && state !== 'CANCELED' && state !== 'ERROR')
  ) {
    return null;
  }
  const request = readRequest(build.listed_request);
  const timestamps = readTimestamps(build.timestamps);
  const revision = build.revision === null ? (request.revision ?? null) : readRevision(build.revision);
  return {
    ...names,
    atomVariables:
      build.job === null ? null : variablesOfAtoms(readJobColumn(build.job).definition, undefined),
    row: {
      build_id: build.id,
      state,
      is_partial: isPartial ? 1 : 0,
      created_at: milliseconds(timestamps.QUEUED) ?? ended_at,
      started_at: milliseconds(timestamps.PREPARING),
      ended_at,
      num_atoms: build.num_atoms,
      num_done: build.num_atoms_done,
      num_failed: build.num_atoms_failed,
      num_lost: build.num_atoms_lost,
      num_flaky: build.num_atoms_flaky,
      code: codeOf(request, build.commit_hash, revision),
      commit_hash: revision?.commit ?? build.commit_hash,
      branch: revision?.branch ?? request.branch ?? null,
      subject: revision?.subject ?? null,
      has_changes: revision === null || revision.has_changes === null ? null : Number(revision.has_changes),
      requested_by: request.requested_by ?? null,
    },
  };
}

/** Names the files that a build ran: builds with the same name ran the same files. null when they may differ from any other. */
function codeOf(
  { type, hash }: BuildRequest,
  commit: string | null,
  revision: Revision | null,
): string | null {
  switch (type) {
    case 'git':
      return commit;
    case 'snapshot':
      return hash ?? null;
    case 'directory':
      return revision?.has_changes === false ? revision.commit : null;
  }
}

function milliseconds(seconds: number | undefined): number | null {
  return seconds === undefined ? null : Math.round(seconds * 1000);
}

/** A run of an atom, and the seconds of its runs that failed and were repeated. */
export interface RecordedRun {
  readonly name: string;
  readonly run: AtomRun;
  readonly retrySeconds: number;
}

/** null for an atom without a verdict. `minute` is when its build ended. */
export function runOf(build: number, minute: number, atom: EndedAtom): RecordedRun | null {
  if (atom.failed === null) {
    return null;
  }
  return {
    name: historyName(atom.variable, atom.value),
    run: { build, atom: atom.atom_id, kind: kindOf(atom), seconds: atom.actual_time, minute },
    retrySeconds: atom.retried_seconds,
  };
}

function kindOf({ failed, exit_code, num_retries }: EndedAtom): AtomRun['kind'] {
  if (failed === 1) {
    return exit_code === null ? 'LOST' : 'FAILED';
  }
  return num_retries > 0 ? 'FLAKY' : 'PASSED';
}

/** The facts of a recorded build that trends are made of. */
export function endedBuildOf(row: JobBuildRow): EndedBuild {
  const { state, started_at: started, ended_at: ended } = row;
  return {
    state,
    isSuccess: resultOf(state, row.num_failed) === 'SUCCESS',
    isPartial: row.is_partial === 1,
    // The clock may have been set back meanwhile.
    seconds: started === null ? null : Math.max(0, ended - started) / 1000,
    endedAt: ended,
    retrySeconds: row.retry_seconds,
  };
}
