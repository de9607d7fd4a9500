import type { AtomId, BuildId, SubjobId } from '../../protocol/ids.js';
import { integer, nullable, type Row } from './engine/columns.js';
import type { Reader } from './engine/engine.js';
import { listOf, type Sql, sql } from './engine/sql.js';
import { atoms, slaves, subjobs } from './tables.js';

/*
 * Atoms and subjobs as readers of the API see them. Each query returns one page, found through an index.
 */

interface RowRange {
  readonly offset: number;
  readonly limit: number;
}

export const atomView = {
  atom_id: atoms.atom_id,
  subjob_id: atoms.subjob_id,
  variable: atoms.variable,
  value: atoms.value,
  state: atoms.state,
  exit_code: atoms.exit_code,
  failed: atoms.failed,
  num_retries: atoms.num_retries,
  facts: atoms.facts,
  expected_time: atoms.expected_time,
  actual_time: atoms.actual_time,
  /** When its last run began, in milliseconds; as reported, where the slave does not measure it. */
  started_at: atoms.started_at,
  /** Why its subjob was lost for good, if it was. */
  error: subjobs.error,
  /** The lease whose report set `state`, … */
  lease_id: atoms.lease_id,
  /** … and the name of its slave. */
  slave: nullable(slaves.name),
  cached_build_id: atoms.cached_build_id,
  cached_atom_id: atoms.cached_atom_id,
  /** 1 when that build is still there. */
  is_kept: integer,
  not_cached: atoms.not_cached,
};
/** An atom with facts of its subjob and its slave. */
export type AtomView = Row<typeof atomView>;

/**
 * Every atom has its subjob; an inner join would let SQLite begin with the subjobs, and sort all atoms for a page.
 * `rest` continues the condition.
 */
export function atomsWhere(build: BuildId, rest: Sql, subjobColumn = sql`atoms.subjob_id`): Sql {
  return sql`
    SELECT atoms.atom_id, ${subjobColumn} AS subjob_id, atoms.variable, atoms.value, atoms.state, atoms.exit_code,
      atoms.failed, atoms.num_retries, atoms.facts, atoms.expected_time, atoms.actual_time, subjobs.error,
      coalesce(atoms.started_at, atoms.began_at) AS started_at, atoms.lease_id, slaves.name AS slave,
      atoms.cached_build_id, atoms.cached_atom_id, atoms.not_cached,
      CASE WHEN origin.id IS NULL THEN 0 ELSE 1 END AS is_kept
    FROM atoms
    LEFT JOIN subjobs ON subjobs.build_id = atoms.build_id AND subjobs.subjob_id = atoms.subjob_id
    LEFT JOIN leases ON leases.id = atoms.lease_id
    LEFT JOIN slaves ON slaves.id = leases.slave_id
    LEFT JOIN builds AS origin ON origin.id = atoms.cached_build_id
    WHERE atoms.build_id = ${build} AND ${rest}`;
}

/**
 * In order of atom. The ids of a build's atoms are 0 and up without a gap, so a page far down the list costs as much as
 * the first.
 */
export function pageOfAtoms(db: Reader, build: BuildId, { offset, limit }: RowRange): Promise<AtomView[]> {
  const page = sql`
    atoms.atom_id >= ${offset} AND atoms.atom_id < ${offset + limit} ORDER BY atoms.atom_id`;
  return db.all(atomsWhere(build, page), atomView);
}

/** In the order of `chosen`. */
export async function chosenAtoms(
  db: Reader,
  build: BuildId,
  chosen: readonly AtomId[],
): Promise<AtomView[]> {
  const rows = await db.all(atomsWhere(build, sql`atoms.atom_id IN ${listOf(chosen)}`), atomView);
  const byId = new Map<number, AtomView>(rows.map((row) => [row.atom_id, row]));
  return chosen.flatMap((id) => byId.get(id) ?? []);
}

/** In order of atom. */
export async function pageOfAtomsOfSubjob(
  db: Reader,
  build: BuildId,
  subjob: SubjobId,
  { offset, limit }: RowRange,
): Promise<{ rows: AtomView[]; total: number }> {
  const page = sql`atoms.subjob_id = ${subjob} ORDER BY atoms.atom_id LIMIT ${limit} OFFSET ${offset}`;
  const rows = await db.all(atomsWhere(build, page), atomView);
  const count = await db.first(
    sql`SELECT count(*) AS total FROM atoms WHERE build_id = ${build} AND subjob_id = ${subjob}`,
    { total: integer },
  );
  return { rows, total: count?.total ?? 0 };
}

export function findAtom(db: Reader, build: BuildId, atom: AtomId): Promise<AtomView | undefined> {
  return db.first(atomsWhere(build, sql`atoms.atom_id = ${atom}`), atomView);
}

/** The first `limit` atoms whose verdict is a failure, in order of atom. */
export function failedAtoms(db: Reader, build: BuildId, limit: number): Promise<AtomView[]> {
  return db.all(atomsWhere(build, sql`atoms.failed = 1 ORDER BY atoms.atom_id LIMIT ${limit}`), atomView);
}

/** The first `limit` atoms that failed and passed when they ran again, with the subjob in which they failed first. */
export function flakyAtoms(db: Reader, build: BuildId, limit: number): Promise<AtomView[]> {
  const flaky = sql`atoms.num_retries > 0 AND atoms.failed = 0 ORDER BY atoms.atom_id LIMIT ${limit}`;
  return db.all(atomsWhere(build, flaky, sql`coalesce(atoms.first_subjob_id, atoms.subjob_id)`), atomView);
}

/** The first `limit` atoms that were running when the build was ended, those that had run longest first. */
export function interruptedAtoms(db: Reader, build: BuildId, limit: number): Promise<AtomView[]> {
  const interrupted = sql`
    atoms.state = 'INTERRUPTED' ORDER BY coalesce(atoms.actual_time, -1) DESC, atoms.atom_id LIMIT ${limit}`;
  return db.all(atomsWhere(build, interrupted), atomView);
}

/** All atoms of these subjobs, in order of subjob and atom. */
export function atomsOfSubjobs(db: Reader, build: BuildId, chosen: readonly number[]): Promise<AtomView[]> {
  const ofSubjobs = sql`atoms.subjob_id IN ${listOf(chosen)} ORDER BY atoms.subjob_id, atoms.atom_id`;
  return db.all(atomsWhere(build, ofSubjobs), atomView);
}

/** Atoms that run at the moment in these subjobs; at most one each, as a subjob runs its atoms one by one. */
export function runningAtoms(
  db: Reader,
  build: BuildId,
  chosen: readonly number[],
  leases: readonly number[],
): Promise<AtomView[]> {
  // An atom that an earlier attempt had begun may not have its turn yet.
  const running = sql`
    atoms.subjob_id IN ${listOf(chosen)} AND atoms.state = 'IN_PROGRESS' AND atoms.lease_id IN ${listOf(leases)}`;
  return db.all(atomsWhere(build, running), atomView);
}

const subjobView = {
  subjob_id: subjobs.subjob_id,
  state: subjobs.state,
  attempt: subjobs.attempt,
  /** Name of the slave that holds it or held it last. */
  slave: nullable(slaves.name),
};
export type SubjobView = Row<typeof subjobView>;

function subjobsWhere(build: BuildId, rest: Sql): Sql {
  return sql`
    SELECT subjobs.subjob_id, subjobs.state, subjobs.attempt, slaves.name AS slave
    FROM subjobs
    LEFT JOIN leases ON leases.id = subjobs.lease_id
    LEFT JOIN slaves ON slaves.id = leases.slave_id
    WHERE subjobs.build_id = ${build} AND ${rest}`;
}

/** In order of subjob; their ids have no gaps either. */
export function pageOfSubjobs(
  db: Reader,
  build: BuildId,
  { offset, limit }: RowRange,
): Promise<SubjobView[]> {
  const page = sql`
    subjobs.subjob_id >= ${offset} AND subjobs.subjob_id < ${offset + limit} ORDER BY subjobs.subjob_id`;
  return db.all(subjobsWhere(build, page), subjobView);
}

export function viewSubjob(db: Reader, build: BuildId, subjob: SubjobId): Promise<SubjobView | undefined> {
  return db.first(subjobsWhere(build, sql`subjobs.subjob_id = ${subjob}`), subjobView);
}
