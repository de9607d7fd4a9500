import { Type } from '@sinclair/typebox';
import { integer, jsonColumn, type Row } from '../engine/columns.js';
import type { Reader } from '../engine/engine.js';
import { listOf, sql, tableOf } from '../engine/sql.js';
import { change, type Write } from '../engine/write.js';
import { type JobRow, jobs } from '../tables.js';

export const readVariables = jsonColumn(Type.Array(Type.String()), 'jobs.atom_variables');

/** Makes the row of a job unless there is one. (A conflict would use up an id each time.) */
export function insertJob(project: string, name: string): Write {
  return change(sql`
    INSERT INTO jobs (project, name)
    SELECT ${project}, ${name}
    WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE project = ${project} AND name = ${name})`);
}

export function findJobNamed(db: Reader, project: string, name: string): Promise<JobRow | undefined> {
  return db.first(sql`SELECT * FROM jobs WHERE project = ${project} AND name = ${name}`, jobs);
}

/** Looks up the ids of the named jobs, of which those that do not exist have none. */
export async function idsOfJobs(
  db: Reader,
  named: readonly { readonly project: string; readonly job: string }[],
): Promise<(project: string, job: string) => number | undefined> {
  const keyOf = (project: string, job: string) => JSON.stringify([project, job]);
  const distinct = new Set(named.map(({ project, job }) => keyOf(project, job)));
  const rows = [...distinct].map((text): string[] => JSON.parse(text));
  const found =
    rows.length === 0
      ? []
      : await db.all(
          // CROSS JOIN: the names are few, and each is looked up.
          sql`
            SELECT jobs.id, jobs.project, jobs.name
            FROM ${tableOf({ project: 'text', name: 'text' }, rows)} AS named
            CROSS JOIN jobs ON jobs.project = named.project AND jobs.name = named.name`,
          jobName,
        );
  const ids = new Map(found.map(({ id, project, name }) => [keyOf(project, name), id]));
  return (project, job) => ids.get(keyOf(project, job));
}

export function findJob(db: Reader, id: number): Promise<JobRow | undefined> {
  return db.first(sql`SELECT * FROM jobs WHERE id = ${id}`, jobs);
}

/** Those whose newest build is the newest first. */
export function jobsByLastBuild(
  db: Reader,
  { offset, limit }: { offset: number; limit: number },
): Promise<JobRow[]> {
  return db.all(
    sql`SELECT * FROM jobs ORDER BY last_build_id DESC, id DESC LIMIT ${limit} OFFSET ${offset}`,
    jobs,
  );
}

const jobName = { id: jobs.id, project: jobs.project, name: jobs.name };

/** All of them, in the same order. */
export function namesOfJobs(db: Reader): Promise<Row<typeof jobName>[]> {
  return db.all(sql`SELECT id, project, name FROM jobs ORDER BY last_build_id DESC, id DESC`, jobName);
}

/** In the same order. */
export function jobsOf(db: Reader, ids: readonly number[]): Promise<JobRow[]> {
  return db.all(
    sql`SELECT * FROM jobs WHERE id IN ${listOf(ids)} ORDER BY last_build_id DESC, id DESC`,
    jobs,
  );
}

/** Numbers of all jobs and of the histories of all their atoms. */
export async function countJobs(db: Reader): Promise<{ jobs: number; atoms: number }> {
  const row = await db.first(sql`SELECT count(*) AS jobs, coalesce(sum(num_atoms), 0) AS atoms FROM jobs`, {
    jobs: integer,
    atoms: integer,
  });
  return row ?? { jobs: 0, atoms: 0 };
}

/** Notes that a job has this build. */
export function noteBuild(project: string, name: string, build: number): Write {
  return change(sql`
    UPDATE jobs SET
      num_builds = num_builds + 1,
      last_build_id = CASE WHEN last_build_id > ${build} THEN last_build_id ELSE ${build} END
    WHERE project = ${project} AND name = ${name}`);
}

export type JobSummary = Pick<JobRow, 'pass_rate' | 'p50_seconds' | 'p95_seconds'>;

export function setSummary(job: number, { pass_rate, p50_seconds, p95_seconds }: JobSummary): Write {
  return change(sql`
    UPDATE jobs SET pass_rate = ${pass_rate}, p50_seconds = ${p50_seconds}, p95_seconds = ${p95_seconds}
    WHERE id = ${job}`);
}

export function setAtomVariables(project: string, name: string, variables: readonly string[]): Write {
  return change(sql`
    UPDATE jobs SET atom_variables = ${JSON.stringify(variables)} WHERE project = ${project} AND name = ${name}`);
}

export function addToNumAtoms(job: number, added: number): Write {
  return change(sql`UPDATE jobs SET num_atoms = num_atoms + ${added} WHERE id = ${job}`);
}

/** Jobs without builds, and the longest unused ones beyond the newest `keep`; `limit` at most. */
export function jobsToForget(db: Reader, keep: number, limit: number): Promise<{ id: number }[]> {
  return db.all(
    sql`
      SELECT id FROM jobs
      WHERE NOT EXISTS (SELECT 1 FROM job_builds WHERE job_id = jobs.id)
        OR id IN (SELECT id FROM jobs ORDER BY last_build_id DESC, id DESC LIMIT ${limit} OFFSET ${keep})
      ORDER BY last_build_id LIMIT ${limit}`,
    { id: jobs.id },
  );
}

/** Deletes a job of which no builds and atoms are left. Its builds that are not recorded yet never will be. */
export function deleteJob(job: number): Write[] {
  return [
    change(sql`DELETE FROM unrecorded_builds WHERE job_id = ${job}`),
    change(sql`DELETE FROM jobs WHERE id = ${job}`),
  ];
}
