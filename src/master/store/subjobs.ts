import { type Kysely, type Selectable, sql } from 'kysely';
import type { DurationEstimate } from '../../domain/scheduling/duration-estimate.js';
import { type BuildId, type SubjobId, toId } from '../../protocol/ids.js';
import { type ResultIndex, ResultIndexSchema } from '../../protocol/results/result-index.js';
import type { LeaseRef } from '../../protocol/slave/slave-messages.js';
import type { Database, SubjobsTable, Writable } from './engine/database.js';
import { jsonColumn } from './engine/json.js';
import { expectOneRow } from './engine/one-row.js';

export type SubjobRow = Selectable<SubjobsTable>;

export interface NewSubjob extends DurationEstimate {
  readonly id: number;
  /** How many. */
  readonly atoms: number;
}

/** One statement for all, as insertAtoms. */
export async function insertSubjobs(
  db: Kysely<Database>,
  build: BuildId,
  subjobs: readonly NewSubjob[],
): Promise<void> {
  const rows = subjobs.map(({ id, atoms, expected, stdDev }) => [id, atoms, expected, stdDev]);
  await sql`
    INSERT INTO subjobs (build_id, subjob_id, state, num_atoms, expected_time, expected_deviation)
    SELECT
      ${build}, value ->> 0, 'QUEUED', value ->> 1,
      CAST(value ->> 2 AS REAL), CAST(value ->> 3 AS REAL)
    FROM json_each(${JSON.stringify(rows)})`.execute(db);
}

/** Taking the lease raises the attempt in the same statement. @throws Error unless it was queued at `attempt - 1`. */
export async function leaseSubjob(
  { direct }: Writable,
  build: BuildId,
  subjob: SubjobId,
  lease: LeaseRef,
): Promise<void> {
  const leased = direct.run(
    `UPDATE subjobs SET state = 'LEASED', lease_id = ?, attempt = attempt + 1
     WHERE build_id = ? AND subjob_id = ? AND state = 'QUEUED' AND attempt = ?`,
    lease.lease_id,
    build,
    subjob,
    lease.attempt - 1,
  );
  expectOneRow(leased, `Leasing subjob ${subjob} of build ${build}`);
}

/** The same beside the lease that holds it already. @throws Error unless it was leased, `attempt - 1` times in all. */
export async function duplicateSubjob(
  db: Kysely<Database>,
  build: BuildId,
  subjob: SubjobId,
  lease: LeaseRef,
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('subjobs')
    .set((e) => ({ attempt: e('attempt', '+', 1) }))
    .where('build_id', '=', build)
    .where('subjob_id', '=', subjob)
    .where('state', '=', 'LEASED')
    .where('attempt', '=', lease.attempt - 1)
    .executeTakeFirst();
  expectOneRow(numUpdatedRows, `Leasing subjob ${subjob} of build ${build} a second time`);
}

/** A subjob whose lease ended, as domain/lease has it. */
export interface SubjobTaskRow {
  readonly state: SubjobRow['state'];
  /** How many leases were ever taken. */
  readonly taken: number;
  /** The one that brought the result, that still holds it, or the last one. */
  readonly lease: number | null;
  readonly losses: readonly string[];
  readonly error: string | null;
  /** Where in its archive the consoles lie, when a result was accepted. */
  readonly index?: ResultIndex;
}

/**
 * Writes what a subjob is after `lease` has ended; that this lease was held, endLease has made sure of.
 * @throws Error unless it is leased, and as often as `next` says.
 */
export async function endSubjobLease(
  { direct }: Writable,
  build: BuildId,
  subjob: SubjobId,
  lease: LeaseRef,
  next: SubjobTaskRow,
): Promise<void> {
  const { state, taken, losses, error } = next;
  const index = next.index === undefined ? null : JSON.stringify(next.index);
  const ended = direct.run(
    `UPDATE subjobs SET
       state = ?, lease_id = ?, losses = ?, error = ?, result_index = coalesce(?, result_index)
     WHERE build_id = ? AND subjob_id = ? AND state = 'LEASED' AND attempt = ?`,
    state,
    next.lease,
    JSON.stringify(losses),
    error,
    index,
    build,
    subjob,
    taken,
  );
  expectOneRow(ended, `Ending lease ${lease.lease_id} of subjob ${subjob} of build ${build}`);
}

/**
 * The build ends before all of its work: what was leased and is not delivered, or holds atoms that have begun in another,
 * has been cut off.
 */
export async function cutSubjobs({ direct }: Writable, build: BuildId): Promise<void> {
  direct.run(
    `UPDATE subjobs SET state = 'CUT' WHERE build_id = ? AND state IN ('QUEUED', 'LEASED') AND (attempt > 0
       OR subjob_id IN (SELECT subjob_id FROM atoms WHERE build_id = ? AND state IN ('COMPLETED', 'INTERRUPTED')))`,
    build,
    build,
  );
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
export async function deliveredSubjobs(db: Kysely<Database>, build: BuildId): Promise<SubjobId[]> {
  const rows = await db
    .selectFrom('subjobs')
    .select('subjob_id')
    .where('build_id', '=', build)
    .where('state', '=', 'DONE')
    .orderBy('subjob_id')
    .execute();
  return rows.map(({ subjob_id }) => toId.subjob(subjob_id));
}
