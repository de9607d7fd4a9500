import { type SlaveId, toId } from '../../protocol/ids.js';
import type { Register } from '../../protocol/slave/slave-messages.js';
import type { Reader } from './engine/engine.js';
import { listOf, sql } from './engine/sql.js';
import { change, returningOne, type Write } from './engine/write.js';
import { type SlaveRow, slaves } from './tables.js';

/** Results in the id. The same instance keeps its id, and its other facts are replaced. */
export function saveSlave(register: Register, now: number): Write<SlaveId> {
  const { instance, name, url, num_executors, version, protocol = 1 } = register;
  return returningOne(
    sql`
      INSERT INTO slaves (instance, name, url, num_executors, version, protocol, state, changed_at)
      VALUES (${instance}, ${name}, ${url}, ${num_executors}, ${version}, ${protocol}, 'CONNECTED', ${now})
      ON CONFLICT (instance) DO UPDATE SET
        name = excluded.name, url = excluded.url, num_executors = excluded.num_executors,
        version = excluded.version, protocol = excluded.protocol, state = excluded.state,
        changed_at = excluded.changed_at
      RETURNING id`,
    { id: slaves.id },
    ({ id }) => toId.slave(id),
  );
}

export function setSlaveState(slave: SlaveId, state: SlaveRow['state'], now: number): Write {
  return change(sql`UPDATE slaves SET state = ${state}, changed_at = ${now} WHERE id = ${slave}`);
}

/** They stay so: a process that drains takes no more work in its life. */
export function setDraining(drained: readonly SlaveId[]): Write {
  return change(sql`UPDATE slaves SET draining = 1 WHERE id IN ${listOf(drained)}`);
}

export function allSlaves(db: Reader): Promise<SlaveRow[]> {
  return db.all(sql`SELECT * FROM slaves ORDER BY id`, slaves);
}

export function deleteSlaves(gone: readonly SlaveId[]): Write {
  return change(sql`DELETE FROM slaves WHERE id IN ${listOf(gone)}`);
}
