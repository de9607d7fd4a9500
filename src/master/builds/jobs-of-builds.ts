import type { Build, BuildRequest } from '../../protocol/build/build.js';
import type { NamedJob } from '../../protocol/build/job.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { type BuildId, type JobId, toId } from '../../protocol/ids.js';
import { type JobOfBuild, jobNamed, jobOfBuild } from '../history/build-record.js';
import type { MasterState } from '../state/master-state.js';
import type { Reader } from '../store/engine/engine.js';
import { keptBuildsOfJob } from '../store/history/job-builds.js';
import { findJob, idsOfJobs } from '../store/history/jobs.js';
import { buildsToRecord } from '../store/history/unrecorded-builds.js';

/** A build without its job's id, and the names by which the history knows that job. */
export interface BuildAndJob {
  readonly build: Build;
  readonly job: JobOfBuild | null;
}

/** `job` is null before the build is prepared. */
export function withJobName(build: Build, request: BuildRequest, job: NamedJob | null): BuildAndJob {
  return { build, job: jobNamed(request, job?.name ?? null) };
}

/** The builds with the ids of their jobs, as far as the history has these. */
export async function withJobIds(db: Reader, builds: readonly BuildAndJob[]): Promise<Build[]> {
  const idOf = await idsOfJobs(
    db,
    builds.flatMap(({ job }) => job ?? []),
  );
  return builds.map(({ build, job }) => {
    const id = job === null ? undefined : idOf(job.project, job.job);
    return { ...build, job_id: id === undefined ? null : toId.job(id) };
  });
}

/**
 * All builds of a job that still exist, oldest first: those in its history, and those that are not recorded yet.
 * @throws NOT_FOUND
 */
export async function buildsOfJob(master: MasterState, id: JobId): Promise<BuildId[]> {
  const { db } = master.store;
  const row = await findJob(db, id);
  if (row === undefined) {
    throw new ClusterRunnerError(
      'NOT_FOUND',
      `There is no job ${id} in the history; GET /v1/job lists them.`,
    );
  }
  const isOfJob = (job: JobOfBuild | null) => job?.project === row.project && job.job === row.name;
  // In this order, a build that goes from one of the three to the next meanwhile is not missed.
  const running = [...master.builds.values()].filter((build) =>
    isOfJob(jobNamed(build.request, build.job?.name ?? null)),
  );
  const ended = (await buildsToRecord(db)).filter((build) => isOfJob(jobOfBuild(build)));
  const recorded = await keptBuildsOfJob(db, id);
  const all = new Set([...recorded, ...ended.map((build) => build.id), ...running.map((build) => build.id)]);
  return [...all].sort((a, b) => a - b).map(toId.build);
}
