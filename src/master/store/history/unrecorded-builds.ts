import type { BuildId } from '../../../protocol/ids.js';
import type { Row } from '../engine/columns.js';
import type { Reader } from '../engine/engine.js';
import { listOf, sql } from '../engine/sql.js';
import { change, changeExactly, type Write } from '../engine/write.js';
import { atoms, builds, type UnrecordedBuild, unrecordedBuilds } from '../tables.js';

/** Queues a build for the history; belongs into the transaction that ends it. */
export function queueForHistory(build: BuildId, isPartial: boolean): Write {
  return change(
    sql`INSERT INTO unrecorded_builds (build_id, is_partial) VALUES (${build}, ${isPartial ? 1 : 0})`,
  );
}

/** The oldest build that is to be recorded, without those in `except`. */
export function oldestUnrecorded(
  db: Reader,
  except: readonly number[],
): Promise<UnrecordedBuild | undefined> {
  return db.first(
    sql`
      SELECT build_id, is_partial, job_id, next_atom FROM unrecorded_builds
      WHERE build_id NOT IN ${listOf(except)} ORDER BY build_id LIMIT 1`,
    unrecordedBuilds,
  );
}

export function findUnrecorded(db: Reader, build: BuildId): Promise<UnrecordedBuild | undefined> {
  return db.first(
    sql`SELECT build_id, is_partial, job_id, next_atom FROM unrecorded_builds WHERE build_id = ${build}`,
    unrecordedBuilds,
  );
}

/** Notes the job of a build that was added to `job_builds`. Fails when it was noted before. */
export function noteJob(build: BuildId, project: string, name: string): Write {
  return changeExactly(
    1,
    `Beginning to record build ${build}`,
    sql`
      UPDATE unrecorded_builds
      SET job_id = (SELECT id FROM jobs WHERE project = ${project} AND name = ${name})
      WHERE build_id = ${build} AND job_id IS NULL`,
  );
}

/** Notes that the atoms from `from` and below `next` are recorded. Fails when they were recorded before. */
export function noteRecorded(build: BuildId, from: number, next: number): Write {
  return changeExactly(
    1,
    `Recording atoms of build ${build}`,
    sql`UPDATE unrecorded_builds SET next_atom = ${next} WHERE build_id = ${build} AND next_atom = ${from}`,
  );
}

/** Takes a build from the queue. */
export function endRecording(build: BuildId): Write {
  return change(sql`DELETE FROM unrecorded_builds WHERE build_id = ${build}`);
}

const endedBuild = {
  id: builds.id,
  state: builds.state,
  timestamps: builds.timestamps,
  listed_request: builds.listed_request,
  job: builds.job,
  commit_hash: builds.commit_hash,
  revision: builds.revision,
  num_atoms: builds.num_atoms,
  num_atoms_done: builds.num_atoms_done,
  num_atoms_failed: builds.num_atoms_failed,
  num_atoms_lost: builds.num_atoms_lost,
  num_atoms_flaky: builds.num_atoms_flaky,
  ended_at: builds.ended_at,
};
/** The part of a build that the history needs; its request may have megabytes. */
export type EndedBuildRow = Row<typeof endedBuild>;

export function buildToRecord(db: Reader, build: BuildId): Promise<EndedBuildRow | undefined> {
  return db.first(
    sql`
      SELECT id, state, timestamps, listed_request, job, commit_hash, revision, num_atoms, num_atoms_done,
        num_atoms_failed, num_atoms_lost, num_atoms_flaky, ended_at
      FROM builds WHERE id = ${build}`,
    endedBuild,
  );
}

/** After an update from a version without history there are as many as builds; the newest ones are recorded last. */
const MOST_TO_RECORD = 1000;

const namedBuild = { id: builds.id, listed_request: builds.listed_request, job: builds.job };

/** The newest builds that wait to be recorded, with what tells their jobs. */
export function buildsToRecord(db: Reader): Promise<Row<typeof namedBuild>[]> {
  return db.all(
    sql`
      SELECT builds.id, builds.listed_request, builds.job
      FROM unrecorded_builds JOIN builds ON builds.id = unrecorded_builds.build_id
      WHERE unrecorded_builds.job_id IS NULL ORDER BY unrecorded_builds.build_id DESC LIMIT ${MOST_TO_RECORD}`,
    namedBuild,
  );
}

const endedAtom = {
  atom_id: atoms.atom_id,
  variable: atoms.variable,
  value: atoms.value,
  failed: atoms.failed,
  exit_code: atoms.exit_code,
  actual_time: atoms.actual_time,
  num_retries: atoms.num_retries,
  retried_seconds: atoms.retried_seconds,
};
export type EndedAtom = Row<typeof endedAtom>;

/**
 * The atoms of an ended build from this id on, `limit` at most, in order, without cached ones, which have not run. `failed` is null
 * where there is no verdict.
 */
export function atomsToRecord(db: Reader, build: BuildId, from: number, limit: number): Promise<EndedAtom[]> {
  return db.all(
    sql`
      SELECT atom_id, variable, value, failed, exit_code, actual_time, num_retries, retried_seconds
      FROM atoms
      WHERE build_id = ${build} AND atom_id >= ${from} AND cached_build_id IS NULL ORDER BY atom_id LIMIT ${limit}`,
    endedAtom,
  );
}
