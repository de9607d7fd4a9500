import { type Kysely, type Selectable, sql } from 'kysely';
import type { BuildId, LeaseId } from '../../protocol/ids.js';
import type { Database, LeaseRowState, LeasesTable, Writable } from './engine/database.js';
import { expectOneRow } from './engine/one-row.js';

export type LeaseRow = Selectable<LeasesTable>;

export async function insertLease(
  { direct }: Writable,
  lease: Omit<LeaseRow, 'state' | 'ended_at'>,
): Promise<void> {
  const { id, build_id, subjob_id, attempt, slave_id, executor_index, token, taken_at } = lease;
  direct.run(
    `INSERT INTO leases (id, build_id, subjob_id, attempt, slave_id, executor_index, token, state, taken_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, 'HELD', ?)`,
    id,
    build_id,
    subjob_id,
    attempt,
    slave_id,
    executor_index,
    token,
    taken_at,
  );
}

/** @throws Error unless the lease is held. */
export async function endLease(
  { direct }: Writable,
  lease: LeaseId,
  state: Exclude<LeaseRowState, 'HELD'>,
  now: number,
): Promise<void> {
  const ended = `UPDATE leases SET state = ?, ended_at = ? WHERE id = ? AND state = 'HELD'`;
  expectOneRow(direct.run(ended, state, now, lease), `Ending lease ${lease}`);
}

export async function heldLeases(db: Kysely<Database>, build: BuildId): Promise<LeaseRow[]> {
  return await db
    .selectFrom('leases')
    .selectAll()
    .where('build_id', '=', build)
    .where('state', '=', sql.lit('HELD'))
    .orderBy('id')
    .execute();
}

/** Ends every lease of a build that ends before its work. */
export async function cancelHeldLeases(db: Kysely<Database>, build: BuildId, now: number): Promise<void> {
  await db
    .updateTable('leases')
    .set({ state: 'CANCELED', ended_at: now })
    .where('build_id', '=', build)
    .where('state', '=', sql.lit('HELD'))
    .execute();
}

/** The highest lease id that was ever stored; 0 before the first. */
export async function lastLeaseId(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ seq: number }>`
    SELECT seq FROM sqlite_sequence WHERE name = 'leases'`.execute(db);
  return rows[0]?.seq ?? 0;
}
