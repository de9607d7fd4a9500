import { type Kysely, type Selectable, sql } from 'kysely';
import type { BuildId, SubjobId } from '../../protocol/ids.js';
import { type ResultIndex, ResultIndexSchema } from '../../protocol/result-index.js';
import type { LeaseRef } from '../../protocol/slave.js';
import type { Database, SubjobsTable } from './database.js';
import { jsonColumn } from './json.js';
import { expectOneRow } from './one-row.js';

export type SubjobRow = Selectable<SubjobsTable>;

export interface NewSubjob {
  readonly id: number;
  readonly atoms: number;
  readonly expected: number | null;
}

/** One statement for all, as insertAtoms. */
export async function insertSubjobs(
  db: Kysely<Database>,
  build: BuildId,
  subjobs: readonly NewSubjob[],
): Promise<void> {
  const rows = subjobs.map(({ id, atoms, expected }) => [id, atoms, expected]);
  await sql`
    INSERT INTO subjobs (build_id, subjob_id, state, num_atoms, expected_time)
    SELECT ${build}, value ->> 0, 'QUEUED', value ->> 1, CAST(value ->> 2 AS REAL)
    FROM json_each(${JSON.stringify(rows)})`.execute(db);
}

/** Taking the lease raises the attempt in the same statement. @throws Error unless it was queued at `attempt - 1`. */
export async function leaseSubjob(
  db: Kysely<Database>,
  build: BuildId,
  subjob: SubjobId,
  lease: LeaseRef,
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('subjobs')
    .set((e) => ({ state: 'LEASED', lease_id: lease.lease_id, attempt: e('attempt', '+', 1) }))
    .where('build_id', '=', build)
    .where('subjob_id', '=', subjob)
    .where('state', '=', 'QUEUED')
    .where('attempt', '=', lease.attempt - 1)
    .executeTakeFirst();
  expectOneRow(numUpdatedRows, `Leasing subjob ${subjob} of build ${build}`);
}

/** Ends the lease that holds the subjob. @throws Error unless `lease` does. */
export async function endSubjobLease(
  db: Kysely<Database>,
  build: BuildId,
  subjob: SubjobId,
  lease: LeaseRef,
  next: { state: 'QUEUED' | 'DONE' | 'LOST'; losses: readonly string[]; error: string | null },
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('subjobs')
    .set({ state: next.state, losses: JSON.stringify(next.losses), error: next.error })
    .where('build_id', '=', build)
    .where('subjob_id', '=', subjob)
    .where('state', '=', 'LEASED')
    .where('lease_id', '=', lease.lease_id)
    .where('attempt', '=', lease.attempt)
    .executeTakeFirst();
  expectOneRow(numUpdatedRows, `Ending lease ${lease.lease_id} of subjob ${subjob} of build ${build}`);
}

/** Keeps where in the subjob's archive its consoles lie. */
export async function keepResultIndex(
  db: Kysely<Database>,
  build: BuildId,
  subjob: SubjobId,
  index: ResultIndex,
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('subjobs')
    .set({ result_index: JSON.stringify(index) })
    .where('build_id', '=', build)
    .where('subjob_id', '=', subjob)
    .executeTakeFirst();
  expectOneRow(numUpdatedRows, `The index of subjob ${subjob} of build ${build}`);
}

const readIndex = jsonColumn(ResultIndexSchema, 'subjobs.result_index');

/** null before its result was accepted. */
export async function findResultIndex(
  db: Kysely<Database>,
  build: BuildId,
  subjob: SubjobId,
): Promise<ResultIndex | null> {
  const row = await db
    .selectFrom('subjobs')
    .select('result_index')
    .where('build_id', '=', build)
    .where('subjob_id', '=', subjob)
    .executeTakeFirst();
  return row === undefined || row.result_index === null ? null : readIndex(row.result_index);
}

export async function findSubjob(
  db: Kysely<Database>,
  build: BuildId,
  subjob: SubjobId,
): Promise<SubjobRow | undefined> {
  return await db
    .selectFrom('subjobs')
    .selectAll()
    .where('build_id', '=', build)
    .where('subjob_id', '=', subjob)
    .executeTakeFirst();
}

/** In order of subjob. */
export async function subjobsOf(db: Kysely<Database>, build: BuildId): Promise<SubjobRow[]> {
  return await db
    .selectFrom('subjobs')
    .selectAll()
    .where('build_id', '=', build)
    .orderBy('subjob_id')
    .execute();
}

/** Ids of the subjobs whose results were accepted, ascending. */
export async function deliveredSubjobs(db: Kysely<Database>, build: BuildId): Promise<number[]> {
  const rows = await db
    .selectFrom('subjobs')
    .select('subjob_id')
    .where('build_id', '=', build)
    .where('state', '=', 'DONE')
    .orderBy('subjob_id')
    .execute();
  return rows.map(({ subjob_id }) => subjob_id);
}
