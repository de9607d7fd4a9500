import { Type } from '@sinclair/typebox';
import { type Kysely, type Selectable, sql, type Updateable } from 'kysely';
import { type BuildRequest, BuildRequestSchema } from '../../protocol/build/build.js';
import { NamedJobSchema } from '../../protocol/build/job.js';
import { RevisionSchema } from '../../protocol/build/revision.js';
import { type BuildId, toId } from '../../protocol/ids.js';
import type { BuildsTable, Database } from './engine/database.js';
import { jsonColumn } from './engine/json.js';
import { expectOneRow } from './engine/one-row.js';

export type BuildRow = Selectable<BuildsTable>;

/** What a list reads of a build: all that is small. */
const LISTED = [
  'id',
  'state',
  'timestamps',
  'commit_hash',
  'revision',
  'num_atoms',
  'num_subjobs',
  'planned_executors',
  'assumed_seconds',
  'num_subjobs_done',
  'num_atoms_done',
  'num_atoms_failed',
  'num_atoms_lost',
  'num_atoms_flaky',
  'facts',
  'error_message',
  'stopping',
  'stopping_state',
  'ended_at',
  'attempt',
  'lease_id',
  'losses',
  'listed_request',
] as const satisfies readonly (keyof BuildsTable)[];

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
      listed_request: JSON.stringify(listedRequest(request)),
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

/** What a list of a build's subjobs or atoms needs to know of it; its request may have megabytes. */
export async function findBuildHead(
  db: Kysely<Database>,
  build: BuildId,
): Promise<Pick<BuildRow, 'job' | 'num_atoms' | 'num_subjobs'> | undefined> {
  return await db
    .selectFrom('builds')
    .select(['job', 'num_atoms', 'num_subjobs'])
    .where('id', '=', build)
    .executeTakeFirst();
}

/** What lists show of a request: all but the parts that may have megabytes. */
export function listedRequest({ config: _, atoms_override: __, ...request }: BuildRequest): BuildRequest {
  return request;
}

/** Which builds: those after the build `after` when it is given, however many have been forgotten meanwhile. */
export interface BuildsPage {
  readonly offset: number;
  readonly limit: number;
  readonly after?: BuildId;
}

/** Oldest first, with the part of their requests that is listed, and without their jobs. */
export async function pageOfBuilds(
  db: Kysely<Database>,
  { offset, limit, after }: BuildsPage,
): Promise<{ rows: BuildRow[]; total: number }> {
  const { total } = await db
    .selectFrom('builds')
    .select((e) => e.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  const listed = db
    .selectFrom('builds')
    .select([...LISTED, 'listed_request as request', sql<null>`NULL`.as('job')])
    .orderBy('id')
    .limit(limit);
  const rows = await (after === undefined ? listed.offset(offset) : listed.where('id', '>', after)).execute();
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
