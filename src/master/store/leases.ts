import type { BuildId, LeaseId } from '../../protocol/ids.js';
import type { Reader } from './engine/engine.js';
import { sql } from './engine/sql.js';
import { change, changeExactly, type Write } from './engine/write.js';
import { type LeaseRow, leases } from './tables.js';

export function insertLease(lease: Omit<LeaseRow, 'state' | 'ended_at'>): Write {
  const { id, build_id, subjob_id, attempt, slave_id, executor_index, token, taken_at } = lease;
  return change(sql`
    INSERT INTO leases (id, build_id, subjob_id, attempt, slave_id, executor_index, token, state, taken_at)
    VALUES (${id}, ${build_id}, ${subjob_id}, ${attempt}, ${slave_id}, ${executor_index}, ${token}, 'HELD',
      ${taken_at})`);
}

/** Fails unless the lease is held. */
export function endLease(lease: LeaseId, state: Exclude<LeaseRow['state'], 'HELD'>, now: number): Write {
  return changeExactly(
    1,
    `Ending lease ${lease}`,
    sql`UPDATE leases SET state = ${state}, ended_at = ${now} WHERE id = ${lease} AND state = 'HELD'`,
  );
}

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
