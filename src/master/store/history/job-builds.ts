import { integer, nullable, type Row } from '../engine/columns.js';
import type { Reader } from '../engine/engine.js';
import { listOf, sql } from '../engine/sql.js';
import { change, type Write } from '../engine/write.js';
import { builds, type JobBuildRow, jobBuilds } from '../tables.js';

/** A build as it is added: its job is named, and its atoms are not recorded yet. */
export type NewJobBuild = Omit<JobBuildRow, 'job_id' | 'retry_seconds'>;

/** Adds an ended build to its job, which exists. */
export function insertJobBuild(project: string, name: string, row: NewJobBuild): Write {
  return change(sql`
    INSERT INTO job_builds (job_id, build_id, state, is_partial, created_at, started_at, ended_at, num_atoms, num_done,
      num_failed, num_lost, num_flaky, code, commit_hash, branch, subject, has_changes, requested_by)
    SELECT id, ${row.build_id}, ${row.state}, ${row.is_partial}, ${row.created_at}, ${row.started_at}, ${row.ended_at},
      ${row.num_atoms}, ${row.num_done}, ${row.num_failed}, ${row.num_lost}, ${row.num_flaky}, ${row.code},
      ${row.commit_hash}, ${row.branch}, ${row.subject}, ${row.has_changes}, ${row.requested_by}
    FROM jobs WHERE project = ${project} AND name = ${name}`);
}

export function addRetrySeconds(job: number, build: number, seconds: number): Write {
  return change(sql`
    UPDATE job_builds SET retry_seconds = retry_seconds + ${seconds} WHERE job_id = ${job} AND build_id = ${build}`);
}

const ran = { build_id: jobBuilds.build_id, code: jobBuilds.code };

/** The newest builds of a job and the code that they ran. */
export async function codesOf(db: Reader, job: number, limit: number): Promise<Map<number, string | null>> {
  const rows = await db.all(
    sql`
      SELECT build_id, code FROM job_builds WHERE job_id = ${job} ORDER BY build_id DESC LIMIT ${limit}`,
    ran,
  );
  return new Map(rows.map(({ build_id, code }) => [build_id, code]));
}

const listed = {
  ...jobBuilds,
  /** The id of the build while it exists. */
  retained: nullable(builds.id),
};
/** A build, and whether it still exists. */
export type ListedJobBuild = Row<typeof listed>;

/** Newest first. */
export function pageOfJobBuilds(
  db: Reader,
  job: number,
  { offset, limit }: { readonly offset: number; readonly limit: number },
): Promise<ListedJobBuild[]> {
  return db.all(
    sql`
      SELECT job_builds.*, builds.id AS retained
      FROM job_builds LEFT JOIN builds ON builds.id = job_builds.build_id
      WHERE job_builds.job_id = ${job} ORDER BY job_builds.build_id DESC LIMIT ${limit} OFFSET ${offset}`,
    listed,
  );
}

const keptBuild = { id: builds.id };

/** The ids of the builds of a job that still exist, oldest first. */
export async function keptBuildsOfJob(db: Reader, job: number): Promise<number[]> {
  const rows = await db.all(
    sql`
      SELECT builds.id FROM job_builds JOIN builds ON builds.id = job_builds.build_id
      WHERE job_builds.job_id = ${job} ORDER BY job_builds.build_id`,
    keptBuild,
  );
  return rows.map(({ id }) => id);
}

/** The newest build of each of these jobs, in any order. */
export function lastBuildsOf(db: Reader, jobs: readonly number[]): Promise<ListedJobBuild[]> {
  return db.all(
    sql`
      SELECT job_builds.*, builds.id AS retained
      FROM jobs
      JOIN job_builds ON job_builds.job_id = jobs.id AND job_builds.build_id = jobs.last_build_id
      LEFT JOIN builds ON builds.id = job_builds.build_id
      WHERE jobs.id IN ${listOf(jobs)}`,
    listed,
  );
}

export async function countJobBuilds(db: Reader, job: number): Promise<number> {
  const row = await db.first(sql`SELECT count(*) AS total FROM job_builds WHERE job_id = ${job}`, {
    total: integer,
  });
  return row?.total ?? 0;
}

/** Deletes builds of a job beyond the newest `keep`, `limit` at most. Results in how many. */
export function trimJobBuilds(job: number, keep: number, limit: number): Write<number> {
  return change(sql`
    DELETE FROM job_builds WHERE job_id = ${job} AND build_id IN (
      SELECT build_id FROM job_builds WHERE job_id = ${job} ORDER BY build_id DESC LIMIT ${limit} OFFSET ${keep})`);
}

/** Deletes builds that ended before `before`, `limit` at most. Results in how many. */
export function forgetJobBuilds(before: number, limit: number): Write<number> {
  return change(sql`
    DELETE FROM job_builds WHERE (job_id, build_id) IN (
      SELECT job_id, build_id FROM job_builds WHERE ended_at < ${before} ORDER BY ended_at LIMIT ${limit})`);
}
