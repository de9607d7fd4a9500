import { type Static, Type } from '@sinclair/typebox';
import type { AtomId, BuildId } from '../../protocol/ids.js';
import { integer, jsonColumn, nullable, type Row, text } from './engine/columns.js';
import type { Reader } from './engine/engine.js';
import { jsonColumns, listOf, type Sql, sql, tableOf } from './engine/sql.js';
import { change, type Write } from './engine/write.js';
import { leases, slaves } from './tables.js';

/*
 * The rows of a timeline. They are read as a few JSON arrays rather than row by row, which is several times as fast. Times
 * are milliseconds after the beginning of the build.
 */

const Integers = Type.Array(Type.Integer());
const Nullables = Type.Array(Type.Union([Type.Integer(), Type.Null()]));
const AtomColumns = Type.Object(
  {
    id: Integers,
    /** The lease of its last run, as a difference to the first lease of the build. */
    lease: Nullables,
    start: Integers,
    /** null for an atom that runs, or ran on a slave that was lost. */
    duration: Nullables,
    /** A place in barState. */
    state: Integers,
    retries: Integers,
    /** 1 for an atom that failed and is to run again. */
    kept: Integers,
  },
  { additionalProperties: false },
);
export type AtomColumns = Static<typeof AtomColumns>;
const readAtomColumns = jsonColumn(AtomColumns, 'atoms');

/** Which atoms: a range of ids, `to` exclusive; or some. */
export type AtomsOfTimeline = { readonly from: number; readonly to: number } | readonly AtomId[];

/** `begins` in milliseconds since the epoch. */
export interface TimelineOrigin {
  readonly build: BuildId;
  readonly begins: number;
  readonly firstLease: number;
}

function isChosen(chosen: AtomsOfTimeline): Sql {
  return 'from' in chosen
    ? sql`atom_id >= ${chosen.from} AND atom_id < ${chosen.to}`
    : sql`atom_id IN ${listOf(chosen)}`;
}

const started = sql`coalesce(started_at, began_at)`;
const state = sql`
  CASE
    WHEN state = 'INTERRUPTED' THEN 4
    WHEN state = 'IN_PROGRESS' THEN 0
    WHEN exit_code IS NULL THEN 3
    WHEN exit_code <> 0 THEN 2
    WHEN num_retries > 0 THEN 5
    ELSE 1
  END`;

/** The chosen atoms that have begun; `unplaced` of them are not in the columns, since their start is not known. */
export async function atomsOfTimeline(
  db: Reader,
  { build, begins, firstLease }: TimelineOrigin,
  chosen: AtomsOfTimeline,
): Promise<{ readonly atoms: AtomColumns; readonly unplaced: number }> {
  const begun = sql`build_id = ${build} AND ${isChosen(chosen)} AND state <> 'NOT_STARTED'`;
  const row = await db.first(
    sql`
      SELECT ${jsonColumns('id', 'lease', 'start', 'duration', 'state', 'retries', 'kept')} AS columns
      FROM (
        SELECT atom_id AS id, lease_id - ${firstLease} AS lease, ${started} - ${begins} AS start,
          CAST(round(actual_time * 1000) AS INTEGER) AS duration, ${state} AS state, num_retries AS retries,
          CASE WHEN kept_subjob_id IS NULL THEN 0 ELSE 1 END AS kept
        FROM atoms WHERE ${begun} AND ${started} IS NOT NULL
      ) AS bars`,
    { columns: text },
  );
  const count = await db.first(
    sql`SELECT count(*) AS unplaced FROM atoms WHERE ${begun} AND ${started} IS NULL`,
    { unplaced: integer },
  );
  return { atoms: readAtomColumns(row?.columns ?? ''), unplaced: count?.unplaced ?? 0 };
}

const LeasePlaces = Type.Object(
  { id: Integers, slave: Integers, executor: Nullables, end: Nullables },
  { additionalProperties: false },
);
export type LeasePlaces = Static<typeof LeasePlaces>;
const readLeasePlaces = jsonColumn(LeasePlaces, 'leases');

/** Which leases, by their differences to the first one: the next `limit` after one, or some. */
export type LeasesOfTimeline = { readonly after: number; readonly limit: number } | readonly number[];

/** The slaves and executors that have worked on the chosen leases of subjobs, and when these ended. */
export async function placesOfLeases(
  db: Reader,
  { build, begins, firstLease }: TimelineOrigin,
  chosen: LeasesOfTimeline,
): Promise<LeasePlaces> {
  const which =
    'limit' in chosen
      ? sql`id > ${firstLease + chosen.after} ORDER BY id LIMIT ${chosen.limit}`
      : sql`id IN ${listOf(chosen.map((lease) => firstLease + lease))}`;
  const row = await db.first(
    sql`
      SELECT ${jsonColumns('id', 'slave', 'executor', 'end')} AS columns
      FROM (
        SELECT id - ${firstLease} AS id, slave_id AS slave, slave_executor AS executor,
          ended_at - ${begins} AS "end"
        FROM leases WHERE build_id = ${build} AND subjob_id IS NOT NULL AND ${which}
      ) AS places`,
    { columns: text },
  );
  return readLeasePlaces(row?.columns ?? '');
}

const leaseBar = {
  slave: leases.slave_id,
  executor: integer,
  start: integer,
  end: nullable(integer),
  setup_start: nullable(integer),
  setup_ms: nullable(integer),
  state: leases.state,
};
/** A lease that has bars of its own: a setup, or an end without a result. */
export type LeaseBar = Row<typeof leaseBar>;

/** In order of lease. */
export function barsOfLeases(
  db: Reader,
  { build, begins }: Pick<TimelineOrigin, 'build' | 'begins'>,
): Promise<LeaseBar[]> {
  return db.all(
    sql`
      SELECT slave_id AS slave, slave_executor AS executor, taken_at - ${begins} AS start,
        ended_at - ${begins} AS "end", setup_began_at - ${begins} AS setup_start,
          CAST(round(setup_seconds * 1000) AS INTEGER) AS setup_ms, state
      FROM leases
      WHERE build_id = ${build} AND slave_executor IS NOT NULL
        AND (setup_seconds IS NOT NULL OR state IN ('LOST', 'HANDED_BACK', 'CANCELED'))
      ORDER BY id`,
    leaseBar,
  );
}

const preparation = {
  taken_at: leases.taken_at,
  ended_at: leases.ended_at,
  slave_id: leases.slave_id,
  slave: nullable(slaves.name),
};

/** The newest `limit` leases of the preparation, oldest first. `attempts` is how many there were. */
export async function preparationsOf(
  db: Reader,
  build: BuildId,
  attempts: number,
  limit: number,
): Promise<Row<typeof preparation>[]> {
  const skipped = Math.max(0, attempts - limit);
  return db.all(
    sql`
      SELECT leases.taken_at, leases.ended_at, leases.slave_id, slaves.name AS slave
      FROM leases LEFT JOIN slaves ON slaves.id = leases.slave_id
      WHERE leases.build_id = ${build} AND leases.subjob_id IS NULL
      ORDER BY leases.id LIMIT ${attempts - skipped} OFFSET ${skipped}`,
    preparation,
  );
}

/** The lowest id of the leases of a build; null without any. */
export async function firstLeaseOf(db: Reader, build: BuildId): Promise<number | null> {
  const row = await db.first(sql`SELECT id FROM leases WHERE build_id = ${build} ORDER BY id LIMIT 1`, {
    id: leases.id,
  });
  return row?.id ?? null;
}

export async function namesOfSlaves(db: Reader, ids: readonly number[]): Promise<Map<number, string>> {
  const rows = await db.all(sql`SELECT id, name FROM slaves WHERE id IN ${listOf(ids)}`, {
    id: slaves.id,
    name: slaves.name,
  });
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** Keeps the last runs of atoms that failed and are to run again. Comes before retryAtoms in its transaction. */
export function keepFailedRuns(build: BuildId, retried: readonly AtomId[]): Write {
  const news = tableOf(
    { id: 'integer' },
    retried.map((id) => [id]),
  );
  return change(sql`
    INSERT INTO retried_runs (build_id, atom_id, run, lease_id, started_at, actual_time)
    SELECT ${build}, news.id, num_retries, lease_id, ${started}, actual_time
    FROM ${news} AS news CROSS JOIN atoms
    WHERE atoms.build_id = ${build} AND atoms.atom_id = news.id AND ${started} IS NOT NULL`);
}

const RunColumns = Type.Object(
  { id: Integers, run: Integers, lease: Nullables, start: Integers, duration: Integers },
  { additionalProperties: false },
);
export type RunColumns = Static<typeof RunColumns>;
const readRunColumns = jsonColumn(RunColumns, 'retried_runs');

/** The earlier runs of the chosen atoms, by atom and number. */
export async function runsBeforeRetries(
  db: Reader,
  { build, begins, firstLease }: TimelineOrigin,
  chosen: AtomsOfTimeline,
): Promise<RunColumns> {
  const row = await db.first(
    sql`
      SELECT ${jsonColumns('id', 'run', 'lease', 'start', 'duration')} AS columns
      FROM (
        SELECT atom_id AS id, run, lease_id - ${firstLease} AS lease, started_at - ${begins} AS start,
          CAST(round(actual_time * 1000) AS INTEGER) AS duration
        FROM retried_runs WHERE build_id = ${build} AND ${isChosen(chosen)} ORDER BY atom_id, run
      ) AS bars`,
    { columns: text },
  );
  return readRunColumns(row?.columns ?? '');
}
