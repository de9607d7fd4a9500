import { type Kysely, sql } from 'kysely';
import { type BuildId, toId } from '../../protocol/ids.js';
import type { Database } from './engine/database.js';

/** A transaction that deletes this many rows holds up others for some milliseconds only. */
const CHUNK = 5_000;
/**
 * Builds that ended before `before` (milliseconds), and the oldest of all that have ended beyond the newest `keep`;
 * the oldest `limit` of them.
 */
export async function buildsToForget(
  db: Kysely<Database>,
  before: number,
  keep: number,
  limit: number,
): Promise<BuildId[]> {
  const { rows } = await sql<{ id: number }>`
    SELECT id FROM builds WHERE ended_at IS NOT NULL AND (ended_at < ${before} OR id <= coalesce(
      (SELECT id FROM builds WHERE ended_at IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET ${keep}), 0))
    ORDER BY id LIMIT ${limit}`.execute(db);
  return rows.map(({ id }) => toId.build(id));
}

/**
 * Deletes some of the rows below an ended build, and the build with the last of them; true when it is gone. A master
 * that stops in between goes on with it later.
 */
export async function deletePartOfBuild(db: Kysely<Database>, build: BuildId): Promise<boolean> {
  if (!(await deletePartOf(db, build, ['atoms', 'subjobs', 'leases']))) {
    return false;
  }
  await db.deleteFrom('builds').where('id', '=', build).where('ended_at', 'is not', null).execute();
  return true;
}

/** Whether there are subjobs of a build. */
export async function hasPlan(db: Kysely<Database>, build: BuildId): Promise<boolean> {
  const row = await db
    .selectFrom('subjobs')
    .select('subjob_id')
    .where('build_id', '=', build)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Deletes some of the atoms and subjobs of a build that has not begun; true when there are none. */
export async function deletePartOfPlan(db: Kysely<Database>, build: BuildId): Promise<boolean> {
  return deletePartOf(db, build, ['atoms', 'subjobs']);
}

const idOf = { atoms: 'atom_id', subjobs: 'subjob_id', leases: 'id' } as const;

/** In the order of the tables; true when nothing is left in any. */
async function deletePartOf(
  db: Kysely<Database>,
  build: BuildId,
  tables: readonly (keyof typeof idOf)[],
): Promise<boolean> {
  for (const table of tables) {
    const id = idOf[table];
    const { numAffectedRows } = await sql`
      DELETE FROM ${sql.table(table)} WHERE build_id = ${build} AND ${sql.ref(id)} IN (
        SELECT ${sql.ref(id)} FROM ${sql.table(table)} WHERE build_id = ${build} LIMIT ${CHUNK})`.execute(db);
    if ((numAffectedRows ?? 0n) > 0n) {
      return false;
    }
  }
  return true;
}

/** Which of these builds the store has. */
export async function knownBuilds(db: Kysely<Database>, ids: readonly number[]): Promise<Set<number>> {
  const { rows } = await sql<{ id: number }>`
    SELECT id FROM builds WHERE id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`.execute(db);
  return new Set(rows.map(({ id }) => id));
}
