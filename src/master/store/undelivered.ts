import { type Kysely, sql } from 'kysely';
import { type BuildId, type SubjobId, toId } from '../../protocol/ids.js';
import type { Database } from './engine/database.js';

/** An atom of an ended build that has a verdict, or was interrupted, and whose results nobody delivered. */
export interface UndeliveredAtom {
  readonly atom_id: number;
  readonly variable: string;
  readonly value: string;
  /** null: it was interrupted. */
  readonly exit_code: number | null;
  readonly actual_time: number | null;
  /** The lease whose slave has reported it … */
  readonly lease_id: number | null;
  /** … its place among the executors of the build, and the name of the slave. */
  readonly executor_index: number | null;
  readonly slave: string | null;
}

/** Of those that nobody delivered, the subjobs that hold such atoms, ascending. */
export async function undeliveredSubjobs(db: Kysely<Database>, build: BuildId): Promise<SubjobId[]> {
  const { rows } = await sql<{ subjob_id: number }>`
    SELECT subjob_id FROM subjobs
    WHERE build_id = ${build} AND state IN ('CUT', 'LOST') AND EXISTS (
      SELECT 1 FROM atoms
      WHERE atoms.build_id = subjobs.build_id AND atoms.subjob_id = subjobs.subjob_id AND ${isUndelivered}
    ) ORDER BY subjob_id`.execute(db);
  return rows.map(({ subjob_id }) => toId.subjob(subjob_id));
}

/** In order of atom. */
export async function undeliveredAtoms(
  db: Kysely<Database>,
  build: BuildId,
  subjob: SubjobId,
): Promise<UndeliveredAtom[]> {
  const { rows } = await sql<UndeliveredAtom>`
    SELECT atoms.atom_id, variable, value, exit_code, actual_time, lease_id, executor_index, slaves.name AS slave
    FROM atoms LEFT JOIN leases ON leases.id = atoms.lease_id LEFT JOIN slaves ON slaves.id = leases.slave_id
    WHERE atoms.build_id = ${build} AND atoms.subjob_id = ${subjob} AND ${isUndelivered}
    ORDER BY atoms.atom_id`.execute(db);
  return rows;
}

const isUndelivered = sql`(atoms.failed IS NOT NULL AND exit_code IS NOT NULL OR atoms.state = 'INTERRUPTED')`;
