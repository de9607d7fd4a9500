import type { Kysely, Selectable } from 'kysely';
import { type SlaveId, toId } from '../../protocol/ids.js';
import type { Register } from '../../protocol/slave/slave-messages.js';
import type { Database, SlavesTable } from './engine/database.js';

export type SlaveRow = Selectable<SlavesTable>;

/** The same instance keeps its id, and its other facts are renewed. */
export async function saveSlave(db: Kysely<Database>, register: Register, now: number): Promise<SlaveId> {
  const { instance, name, url, num_executors, version, protocol = 1 } = register;
  const facts = { name, url, num_executors, version, protocol, state: 'CONNECTED', changed_at: now } as const;
  const { id } = await db
    .insertInto('slaves')
    .values({ instance, ...facts })
    .onConflict((conflict) => conflict.column('instance').doUpdateSet(facts))
    .returning('id')
    .executeTakeFirstOrThrow();
  return toId.slave(id);
}

export async function setSlaveState(
  db: Kysely<Database>,
  slave: SlaveId,
  state: SlaveRow['state'],
  now: number,
): Promise<void> {
  await db.updateTable('slaves').set({ state, changed_at: now }).where('id', '=', slave).execute();
}

/** They stay so: a process that drains takes no more work in its life. */
export async function setDraining(db: Kysely<Database>, slaves: readonly SlaveId[]): Promise<void> {
  await db.updateTable('slaves').set({ draining: 1 }).where('id', 'in', slaves).execute();
}

export async function allSlaves(db: Kysely<Database>): Promise<SlaveRow[]> {
  return await db.selectFrom('slaves').selectAll().orderBy('id').execute();
}

export async function deleteSlaves(db: Kysely<Database>, slaves: readonly SlaveId[]): Promise<void> {
  await db.deleteFrom('slaves').where('id', 'in', slaves).execute();
}
