import type { BuildId, LeaseId } from '../../protocol/ids.js';
import type { Reader } from './engine/engine.js';
import { sql } from './engine/sql.js';
import { change, changeExactly, type Write } from './engine/write.js';
import { type LeaseRow, leases } from './tables.js';

/** The executor and the setup of a lease, as its slave reports them. */
export type ReportedTimes = Pick<LeaseRow, 'slave_executor' | 'setup_began_at' | 'setup_seconds'>;

export function insertLease(lease: Omit<LeaseRow, 'state' | 'ended_at' | keyof ReportedTimes>): Write {
  const { id, build_id, subjob_id, attempt, slave_id, executor_index, token, taken_at } = lease;
  return change(sql`
    INSERT INTO leases (id, build_id, subjob_id, attempt, slave_id, executor_index, token, state, taken_at)
    VALUES (${id}, ${build_id}, ${subjob_id}, ${attempt}, ${slave_id}, ${executor_index}, ${token}, 'HELD',
      ${taken_at})`);
}

/** Fails unless the lease is held. */
export function endLease(
  lease: LeaseId,
  state: Exclude<LeaseRow['state'], 'HELD'>,
  now: number,
  { slave_executor, setup_began_at, setup_seconds }: ReportedTimes = unknownTimes,
): Write {
  return changeExactly(
    1,
    `Ending lease ${lease}`,
    sql`
      UPDATE leases SET state = ${state}, ended_at = ${now}, slave_executor = ${slave_executor},
        setup_began_at = ${setup_began_at}, setup_seconds = ${setup_seconds}
      WHERE id = ${lease} AND state = 'HELD'`,
  );
}

const unknownTimes: ReportedTimes = { slave_executor: null, setup_began_at: null, setup_seconds: null };

export function heldLeases(db: Reader, build: BuildId): Promise<LeaseRow[]> {
  return db.all(sql`SELECT * FROM leases WHERE build_id = ${build} AND state = 'HELD' ORDER BY id`, leases);
}

/** Ends every lease of a build that ends before its work. */
export function cancelHeldLeases(build: BuildId, now: number): Write {
  return change(sql`
    UPDATE leases SET state = 'CANCELED', ended_at = ${now} WHERE build_id = ${build} AND state = 'HELD'`);
}

/** The highest lease id that was ever stored; 0 before the first. */
export function lastLeaseId(db: Reader): Promise<number> {
  return db.lastId('leases');
}
