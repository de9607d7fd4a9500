import { type BuildId, toId } from '../../protocol/ids.js';
import type { Reader } from './engine/engine.js';
import { listOf, sql } from './engine/sql.js';
import { change, type Write } from './engine/write.js';
import { builds, subjobs } from './tables.js';

/** A transaction that deletes this many rows holds up others for some milliseconds only. */
const CHUNK = 5_000;

/**
 * Builds that ended before `before` (milliseconds), and the oldest of all that have ended beyond the newest `keep`;
 * the oldest `limit` of them.
 */
export async function buildsToForget(
  db: Reader,
  before: number,
  keep: number,
  limit: number,
): Promise<BuildId[]> {
  const rows = await db.all(
    sql`
      SELECT id FROM builds WHERE ended_at IS NOT NULL AND (ended_at < ${before} OR id <= coalesce(
        (SELECT id FROM builds WHERE ended_at IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET ${keep}), 0))
      ORDER BY id LIMIT ${limit}`,
    { id: builds.id },
  );
  return rows.map(({ id }) => toId.build(id));
}

/** Whether there are subjobs of a build. */
export async function hasPlan(db: Reader, build: BuildId): Promise<boolean> {
  const row = await db.first(sql`SELECT subjob_id FROM subjobs WHERE build_id = ${build} LIMIT 1`, {
    subjob_id: subjobs.subjob_id,
  });
  return row !== undefined;
}

const deletions = {
  atoms: (build: BuildId) => sql`
    DELETE FROM atoms WHERE build_id = ${build} AND atom_id IN (
      SELECT atom_id FROM atoms WHERE build_id = ${build} LIMIT ${CHUNK})`,
  retried_runs: (build: BuildId) => sql`
    DELETE FROM retried_runs WHERE build_id = ${build} AND (atom_id, run) IN (
      SELECT atom_id, run FROM retried_runs WHERE build_id = ${build} LIMIT ${CHUNK})`,
  subjobs: (build: BuildId) => sql`
    DELETE FROM subjobs WHERE build_id = ${build} AND subjob_id IN (
      SELECT subjob_id FROM subjobs WHERE build_id = ${build} LIMIT ${CHUNK})`,
  leases: (build: BuildId) => sql`
    DELETE FROM leases WHERE build_id = ${build} AND id IN (
      SELECT id FROM leases WHERE build_id = ${build} LIMIT ${CHUNK})`,
};

/** Deletes some of the rows that a build has in a table, atoms before subjobs. Results in whether more may be left. */
export function deletePartOf(build: BuildId, table: keyof typeof deletions): Write<boolean> {
  return { sql: deletions[table](build), result: ({ changes }) => changes === CHUNK };
}

/** Deletes an ended build of which no other rows are left. A master that stops before that goes on with it later. */
export function deleteBuild(build: BuildId): Write {
  return change(sql`DELETE FROM builds WHERE id = ${build} AND ended_at IS NOT NULL`);
}

/** The ids among `ids` of builds that the store has. */
export async function knownBuilds(db: Reader, ids: readonly number[]): Promise<Set<number>> {
  const rows = await db.all(sql`SELECT id FROM builds WHERE id IN ${listOf(ids)}`, { id: builds.id });
  return new Set(rows.map(({ id }) => id));
}
