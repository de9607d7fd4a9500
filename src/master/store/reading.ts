import { type Kysely, type Selectable, sql } from 'kysely';
import type { AtomId, BuildId, SubjobId } from '../../protocol/ids.js';
import type { AtomRowState, Database, EventsTable, SubjobRowState } from './engine/database.js';

/*
 * Questions that only readers of the API ask. Each answers one page, found through an index.
 */

interface Page {
  readonly offset: number;
  readonly limit: number;
}

/** An atom with what its subjob says of its ending. */
export interface AtomView {
  readonly atom_id: number;
  readonly subjob_id: number;
  readonly variable: string;
  readonly value: string;
  readonly state: AtomRowState;
  readonly exit_code: number | null;
  /** As in AtomsTable. */
  readonly failed: number | null;
  readonly num_retries: number;
  readonly facts: string | null;
  readonly expected_time: number | null;
  readonly actual_time: number | null;
  /** Of a subjob that was lost for good. */
  readonly error: string | null;
  /** The lease whose report set `state` … */
  readonly lease_id: number | null;
  /** … and the name of its slave. */
  readonly slave: string | null;
}

export interface SubjobView {
  readonly subjob_id: number;
  readonly state: SubjobRowState;
  readonly attempt: number;
  /** Name of the slave that holds it or held it last. */
  readonly slave: string | null;
}

function atomViews(db: Kysely<Database>, build: BuildId) {
  return (
    db
      .selectFrom('atoms')
      // Every atom has its subjob; an inner join would let SQLite begin with the subjobs, and sort all atoms for a page.
      .leftJoin('subjobs', (join) =>
        join
          .onRef('subjobs.build_id', '=', 'atoms.build_id')
          .onRef('subjobs.subjob_id', '=', 'atoms.subjob_id'),
      )
      .leftJoin('leases', 'leases.id', 'atoms.lease_id')
      .leftJoin('slaves', 'slaves.id', 'leases.slave_id')
      .select([
        'slaves.name as slave',
        'atoms.atom_id',
        'atoms.subjob_id',
        'atoms.variable',
        'atoms.value',
        'atoms.state',
        'atoms.exit_code',
        'atoms.failed',
        'atoms.num_retries',
        'atoms.lease_id',
        'atoms.facts',
        'atoms.expected_time',
        'atoms.actual_time',
        'subjobs.error',
      ])
      .where('atoms.build_id', '=', build)
  );
}

/**
 * In order of atom. The ids of a build's atoms are 0 and up without a gap, so a page far behind costs what the first
 * does.
 */
export async function pageOfAtoms(db: Kysely<Database>, build: BuildId, page: Page): Promise<AtomView[]> {
  return await atomViews(db, build)
    .where('atoms.atom_id', '>=', page.offset)
    .where('atoms.atom_id', '<', page.offset + page.limit)
    .orderBy('atoms.atom_id')
    .execute();
}

/** In order of atom. */
export async function pageOfAtomsOfSubjob(
  db: Kysely<Database>,
  build: BuildId,
  subjob: SubjobId,
  page: Page,
): Promise<{ rows: AtomView[]; total: number }> {
  const rows = await atomViews(db, build)
    .where('atoms.subjob_id', '=', subjob)
    .orderBy('atoms.atom_id')
    .offset(page.offset)
    .limit(page.limit)
    .execute();
  const { total } = await db
    .selectFrom('atoms')
    .select((e) => e.fn.countAll<number>().as('total'))
    .where('build_id', '=', build)
    .where('subjob_id', '=', subjob)
    .executeTakeFirstOrThrow();
  return { rows, total };
}

export async function findAtom(
  db: Kysely<Database>,
  build: BuildId,
  atom: AtomId,
): Promise<AtomView | undefined> {
  return await atomViews(db, build).where('atoms.atom_id', '=', atom).executeTakeFirst();
}

/** The first `limit` atoms whose verdict is a failure, in order of atom. */
export async function failedAtoms(db: Kysely<Database>, build: BuildId, limit: number): Promise<AtomView[]> {
  return await atomViews(db, build)
    .where('atoms.failed', '=', sql.lit(1))
    .orderBy('atoms.atom_id')
    .limit(limit)
    .execute();
}

/** The first `limit` atoms that failed and passed when they ran again, with the subjob in which they failed first. */
export async function flakyAtoms(db: Kysely<Database>, build: BuildId, limit: number): Promise<AtomView[]> {
  const rows = await atomViews(db, build)
    .select('atoms.first_subjob_id')
    .where('atoms.num_retries', '>', sql.lit(0))
    .where('atoms.failed', '=', sql.lit(0))
    .orderBy('atoms.atom_id')
    .limit(limit)
    .execute();
  return rows.map(({ first_subjob_id, ...row }) => ({ ...row, subjob_id: first_subjob_id ?? row.subjob_id }));
}

/** The first `limit` atoms that were running when the build was ended, those that had run longest first. */
export async function interruptedAtoms(
  db: Kysely<Database>,
  build: BuildId,
  limit: number,
): Promise<AtomView[]> {
  return await atomViews(db, build)
    .where('atoms.state', '=', sql.lit('INTERRUPTED'))
    .orderBy('atoms.actual_time', 'desc')
    .orderBy('atoms.atom_id')
    .limit(limit)
    .execute();
}

/** All atoms of these subjobs, in order of subjob and atom. */
export async function atomsOfSubjobs(
  db: Kysely<Database>,
  build: BuildId,
  subjobs: readonly number[],
): Promise<AtomView[]> {
  return await atomViews(db, build)
    .where('atoms.subjob_id', 'in', subjobs)
    .orderBy('atoms.subjob_id')
    .orderBy('atoms.atom_id')
    .execute();
}

function subjobViews(db: Kysely<Database>, build: BuildId) {
  return db
    .selectFrom('subjobs')
    .leftJoin('leases', 'leases.id', 'subjobs.lease_id')
    .leftJoin('slaves', 'slaves.id', 'leases.slave_id')
    .select(['subjobs.subjob_id', 'subjobs.state', 'subjobs.attempt', 'slaves.name as slave'])
    .where('subjobs.build_id', '=', build);
}

/** In order of subjob; their ids have no gaps either. */
export async function pageOfSubjobs(db: Kysely<Database>, build: BuildId, page: Page): Promise<SubjobView[]> {
  return await subjobViews(db, build)
    .where('subjobs.subjob_id', '>=', page.offset)
    .where('subjobs.subjob_id', '<', page.offset + page.limit)
    .orderBy('subjobs.subjob_id')
    .execute();
}

export async function viewSubjob(
  db: Kysely<Database>,
  build: BuildId,
  subjob: SubjobId,
): Promise<SubjobView | undefined> {
  return await subjobViews(db, build).where('subjobs.subjob_id', '=', subjob).executeTakeFirst();
}

/** Atoms that run at the moment in these subjobs; at most one each, as a subjob runs its atoms one by one. */
export async function runningAtoms(
  db: Kysely<Database>,
  build: BuildId,
  subjobs: readonly number[],
  leases: readonly number[],
): Promise<AtomView[]> {
  return await atomViews(db, build)
    .where('atoms.subjob_id', 'in', subjobs)
    .where('atoms.state', '=', sql.lit('IN_PROGRESS'))
    // What an earlier attempt had begun may not have its turn yet.
    .where('atoms.lease_id', 'in', leases)
    .execute();
}

export interface EventsSince {
  /** Only events with a higher id. */
  readonly id: number;
  /** Only events since then, in milliseconds since the epoch. */
  readonly time: number;
  readonly limit: number;
}

/** The facts of the events of one page together, whatever is in them; one event comes in any case. */
export const MAX_EVENT_BYTES = 1024 * 1024;

/** Oldest first; fewer than the limit where they are large. */
export async function eventsSince(
  db: Kysely<Database>,
  { id, time, limit }: EventsSince,
): Promise<{ id: number; time: number; kind: EventsTable['kind']; data: string }[]> {
  const { rows } = await sql<Selectable<EventsTable>>`
    SELECT id, time, kind, data FROM (
      SELECT *, sum(octet_length(data)) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) - octet_length(data) AS before
      FROM (SELECT * FROM events WHERE id > ${id} AND time >= ${time} ORDER BY id LIMIT ${limit}))
    WHERE before < ${MAX_EVENT_BYTES} ORDER BY id`.execute(db);
  return rows;
}

/** 0 before the first. */
export async function lastEventId(db: Kysely<Database>): Promise<number> {
  const { id } = await db
    .selectFrom('events')
    .select((e) => e.fn.coalesce(e.fn.max<number>('id'), e.lit(0)).as('id'))
    .executeTakeFirstOrThrow();
  return id;
}

/** When the newest event was written, in milliseconds; null before the first. */
export async function lastEventTime(db: Kysely<Database>): Promise<number | null> {
  const row = await db.selectFrom('events').select('time').orderBy('id', 'desc').limit(1).executeTakeFirst();
  return row?.time ?? null;
}
