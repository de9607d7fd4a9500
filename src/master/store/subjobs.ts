import type { DurationEstimate } from '../../domain/scheduling/duration-estimate.js';
import { type BuildId, type LeaseId, type SubjobId, toId } from '../../protocol/ids.js';
import { type ResultIndex, ResultIndexSchema } from '../../protocol/results/result-index.js';
import type { LeaseRef } from '../../protocol/slave/slave-messages.js';
import { jsonColumn } from './engine/columns.js';
import type { Reader } from './engine/engine.js';
import { sql, tableOf } from './engine/sql.js';
import { change, changeExactly, type Write } from './engine/write.js';
import { type SubjobRow, subjobs } from './tables.js';

export interface NewSubjob extends DurationEstimate {
  readonly id: number;
  /** How many. */
  readonly atoms: number;
}

/** The rows of subjobs as a list. */
export function subjobTable(list: readonly NewSubjob[]) {
  return tableOf(
    { id: 'integer', atoms: 'integer', expected: 'real', deviation: 'real' },
    list.map(({ id, atoms, expected, stdDev }) => [id, atoms, expected, stdDev]),
  );
}

export function insertSubjobs(build: BuildId, list: readonly NewSubjob[]): Write {
  return change(sql`
    INSERT INTO subjobs (build_id, subjob_id, state, num_atoms, expected_time, expected_deviation)
    SELECT ${build}, id, 'QUEUED', atoms, expected, deviation FROM ${subjobTable(list)} AS news`);
}

/** The first `count` subjobs of a build hold its cached atoms, by the report of its preparation under `lease`. */
export function cacheSubjobs(build: BuildId, count: number, lease: LeaseId): Write {
  return changeExactly(
    count,
    `Ending the cached subjobs of build ${build}`,
    sql`
      UPDATE subjobs SET state = 'CACHED', lease_id = ${lease}
      WHERE build_id = ${build} AND subjob_id < ${count}`,
  );
}

/** Taking the lease raises the attempt in the same statement. Fails unless it was queued at `attempt - 1`. */
export function leaseSubjob(build: BuildId, subjob: SubjobId, lease: LeaseRef): Write {
  return changeExactly(
    1,
    `Leasing subjob ${subjob} of build ${build}`,
    sql`
      UPDATE subjobs SET state = 'LEASED', lease_id = ${lease.lease_id}, attempt = attempt + 1
      WHERE build_id = ${build} AND subjob_id = ${subjob} AND state = 'QUEUED' AND attempt = ${lease.attempt - 1}`,
  );
}

/** Takes a second lease of a subjob that is leased. Fails unless it was leased `attempt - 1` times in all. */
export function duplicateSubjob(build: BuildId, subjob: SubjobId, lease: LeaseRef): Write {
  return changeExactly(
    1,
    `Leasing subjob ${subjob} of build ${build} a second time`,
    sql`
      UPDATE subjobs SET attempt = attempt + 1
      WHERE build_id = ${build} AND subjob_id = ${subjob} AND state = 'LEASED' AND attempt = ${lease.attempt - 1}`,
  );
}

/** A subjob whose lease ended, as domain/lease has it. */
export interface SubjobTaskRow {
  readonly state: SubjobRow['state'];
  /** How many leases were ever taken. */
  readonly taken: number;
  /** The lease that delivered the result, else one that still holds it, else the last one. */
  readonly lease: number | null;
  readonly losses: readonly string[];
  readonly error: string | null;
  /** Where in its archive the consoles lie, when a result was accepted. */
  readonly index?: ResultIndex;
}

/** Stores the task of a subjob after `lease` has ended. Fails unless it is leased, and as often as `next` says. */
export function endSubjobLease(
  build: BuildId,
  subjob: SubjobId,
  lease: LeaseRef,
  next: SubjobTaskRow,
): Write {
  const index = next.index === undefined ? null : JSON.stringify(next.index);
  return changeExactly(
    1,
    `Ending lease ${lease.lease_id} of subjob ${subjob} of build ${build}`,
    sql`
      UPDATE subjobs SET
        state = ${next.state}, lease_id = ${next.lease}, losses = ${JSON.stringify(next.losses)},
        error = ${next.error}, result_index = coalesce(${index}, result_index)
      WHERE build_id = ${build} AND subjob_id = ${subjob} AND state = 'LEASED' AND attempt = ${next.taken}`,
  );
}

/**
 * The build ends before all of its work: a subjob that was leased and is not delivered, or holds atoms that have begun
 * in another one, is cut off.
 */
export function cutSubjobs(build: BuildId): Write {
  return change(sql`
    UPDATE subjobs SET state = 'CUT'
    WHERE build_id = ${build} AND state IN ('QUEUED', 'LEASED') AND (attempt > 0 OR subjob_id IN (
      SELECT subjob_id FROM atoms WHERE build_id = ${build} AND state IN ('COMPLETED', 'INTERRUPTED')))`);
}

const readIndex = jsonColumn(ResultIndexSchema, 'subjobs.result_index');

/** null before its result was accepted. */
export async function findResultIndex(
  db: Reader,
  build: BuildId,
  subjob: SubjobId,
): Promise<ResultIndex | null> {
  const row = await db.first(
    sql`SELECT result_index FROM subjobs WHERE build_id = ${build} AND subjob_id = ${subjob}`,
    { result_index: subjobs.result_index },
  );
  return row === undefined || row.result_index === null ? null : readIndex(row.result_index);
}

export function findSubjob(db: Reader, build: BuildId, subjob: SubjobId): Promise<SubjobRow | undefined> {
  return db.first(sql`SELECT * FROM subjobs WHERE build_id = ${build} AND subjob_id = ${subjob}`, subjobs);
}

/** In order of subjob. */
export function subjobsOf(db: Reader, build: BuildId): Promise<SubjobRow[]> {
  return db.all(sql`SELECT * FROM subjobs WHERE build_id = ${build} ORDER BY subjob_id`, subjobs);
}

/** Ids of the subjobs whose results were accepted, ascending. */
export async function deliveredSubjobs(db: Reader, build: BuildId): Promise<SubjobId[]> {
  const rows = await db.all(
    sql`SELECT subjob_id FROM subjobs WHERE build_id = ${build} AND state = 'DONE' ORDER BY subjob_id`,
    { subjob_id: subjobs.subjob_id },
  );
  return rows.map(({ subjob_id }) => toId.subjob(subjob_id));
}
