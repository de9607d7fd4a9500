import { type BuildId, type SubjobId, toId } from '../../protocol/ids.js';
import { nullable, type Row } from './engine/columns.js';
import type { Reader } from './engine/engine.js';
import { sql } from './engine/sql.js';
import { atoms, leases, slaves, subjobs } from './tables.js';

const undeliveredAtom = {
  atom_id: atoms.atom_id,
  variable: atoms.variable,
  value: atoms.value,
  /** null: it was interrupted. */
  exit_code: atoms.exit_code,
  actual_time: atoms.actual_time,
  /** The lease whose slave reported it … */
  lease_id: atoms.lease_id,
  /** … its place among the executors of the build, and the name of the slave. */
  executor_index: leases.executor_index,
  slave: nullable(slaves.name),
};
/** An atom of an ended build that has a verdict or was interrupted, and whose results were never delivered. */
export type UndeliveredAtom = Row<typeof undeliveredAtom>;

const isUndelivered = sql`(atoms.failed IS NOT NULL AND exit_code IS NOT NULL OR atoms.state = 'INTERRUPTED')`;

/** The subjobs that hold such atoms, ascending. */
export async function undeliveredSubjobs(db: Reader, build: BuildId): Promise<SubjobId[]> {
  const rows = await db.all(
    sql`
      SELECT subjob_id FROM subjobs
      WHERE build_id = ${build} AND state IN ('CUT', 'LOST') AND EXISTS (
        SELECT 1 FROM atoms
        WHERE atoms.build_id = subjobs.build_id AND atoms.subjob_id = subjobs.subjob_id AND ${isUndelivered}
      ) ORDER BY subjob_id`,
    { subjob_id: subjobs.subjob_id },
  );
  return rows.map(({ subjob_id }) => toId.subjob(subjob_id));
}

/** In order of atom. */
export function undeliveredAtoms(db: Reader, build: BuildId, subjob: SubjobId): Promise<UndeliveredAtom[]> {
  return db.all(
    sql`
      SELECT atoms.atom_id, variable, value, exit_code, actual_time, lease_id, executor_index, slaves.name AS slave
      FROM atoms LEFT JOIN leases ON leases.id = atoms.lease_id LEFT JOIN slaves ON slaves.id = leases.slave_id
      WHERE atoms.build_id = ${build} AND atoms.subjob_id = ${subjob} AND ${isUndelivered}
      ORDER BY atoms.atom_id`,
    undeliveredAtom,
  );
}
