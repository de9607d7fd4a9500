import { Type } from '@sinclair/typebox';
import type { Kysely, Selectable, Updateable } from 'kysely';
import { type BuildRequest, BuildRequestSchema } from '../../protocol/build.js';
import { type BuildId, toId } from '../../protocol/ids.js';
import { NamedJobSchema } from '../../protocol/job.js';
import { RevisionSchema } from '../../protocol/revision.js';
import type { BuildsTable, Database } from './database.js';
import { jsonColumn } from './json.js';
import { expectOneRow } from './one-row.js';

export type BuildRow = Selectable<BuildsTable>;

const second = Type.Optional(Type.Number());
const TimestampsSchema = Type.Object(
  { QUEUED: second, PREPARING: second, BUILDING: second, FINISHED: second, CANCELED: second, ERROR: second },
  { additionalProperties: false },
);

export const readRequest = jsonColumn(BuildRequestSchema, 'builds.request');
export const readTimestamps = jsonColumn(TimestampsSchema, 'builds.timestamps');
export const readRevision = jsonColumn(RevisionSchema, 'builds.revision');
export const readJob = jsonColumn(NamedJobSchema, 'builds.job');
/** Of `builds` and `subjobs`. */
export const readLosses = jsonColumn(Type.Array(Type.String()), 'losses');

export async function insertBuild(
  db: Kysely<Database>,
  request: BuildRequest,
  timestamps: object,
): Promise<BuildId> {
  const { id } = await db
    .insertInto('builds')
    .values({
      request: JSON.stringify(request),
      state: 'QUEUED',
      timestamps: JSON.stringify(timestamps),
      num_subjobs_done: 0,
      num_atoms_done: 0,
      num_atoms_failed: 0,
      num_atoms_lost: 0,
      num_atoms_flaky: 0,
      attempt: 0,
      losses: '[]',
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return toId.build(id);
}

/** @throws Error when there is no such build. */
export async function updateBuild(
  db: Kysely<Database>,
  build: BuildId,
  changes: Updateable<BuildsTable>,
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('builds')
    .set(changes)
    .where('id', '=', build)
    .executeTakeFirst();
  expectOneRow(numUpdatedRows, `Build ${build}`);
}

export async function findBuild(db: Kysely<Database>, build: BuildId): Promise<BuildRow | undefined> {
  return await db.selectFrom('builds').selectAll().where('id', '=', build).executeTakeFirst();
}

/** Oldest first. */
export async function pageOfBuilds(
  db: Kysely<Database>,
  page: { offset: number; limit: number },
): Promise<{ rows: BuildRow[]; total: number }> {
  const { total } = await db
    .selectFrom('builds')
    .select((e) => e.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  const rows = await db
    .selectFrom('builds')
    .selectAll()
    .orderBy('id')
    .offset(page.offset)
    .limit(page.limit)
    .execute();
  return { rows, total };
}

/** Oldest first. */
export async function unfinishedBuilds(db: Kysely<Database>): Promise<BuildRow[]> {
  return await db
    .selectFrom('builds')
    .selectAll()
    .where('state', 'in', ['QUEUED', 'PREPARING', 'BUILDING'])
    .orderBy('id')
    .execute();
}
