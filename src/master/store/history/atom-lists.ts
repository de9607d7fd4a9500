import type { HistoryOrder } from '../../../protocol/build/history.js';
import { integer, type Row, real } from '../engine/columns.js';
import type { Reader } from '../engine/engine.js';
import { listOf, type Sql, sql } from '../engine/sql.js';
import { type AtomHistoryRow, atomHistories } from '../tables.js';

/** How the atoms of a job are listed, other than by name. Each order has an index, which its condition names too. */
interface Order {
  readonly where: Sql;
  readonly column: Sql;
  readonly isRising?: true;
}

export type ScoreOrder = Exclude<HistoryOrder, 'name'>;

const orders: Readonly<Record<ScoreOrder, Order>> = {
  slowest: { where: sql`true`, column: sql`slowness` },
  flaky: { where: sql`flakiness > 0`, column: sql`flakiness` },
  failing: { where: sql`failing_since IS NOT NULL`, column: sql`failing_since`, isRising: true },
  newly_failing: { where: sql`broken_since IS NOT NULL`, column: sql`broken_since` },
  retry_seconds: { where: sql`recent_retry_seconds > 0`, column: sql`recent_retry_seconds` },
};

function by({ column, isRising }: Order): Sql {
  return isRising === true ? sql`${column}, id` : sql`${column} DESC, id DESC`;
}

interface Range {
  readonly offset: number;
  readonly limit: number;
}

export function pageOfAtomsByName(
  db: Reader,
  job: number,
  { offset, limit }: Range,
): Promise<AtomHistoryRow[]> {
  return db.all(
    sql`SELECT * FROM atom_histories WHERE job_id = ${job} ORDER BY name LIMIT ${limit} OFFSET ${offset}`,
    atomHistories,
  );
}

export function pageOfAtomsByScore(
  db: Reader,
  job: number,
  order: ScoreOrder,
  { offset, limit }: Range,
): Promise<AtomHistoryRow[]> {
  return db.all(
    sql`
      SELECT * FROM atom_histories WHERE job_id = ${job} AND ${orders[order].where}
      ORDER BY ${by(orders[order])} LIMIT ${limit} OFFSET ${offset}`,
    atomHistories,
  );
}

/** How many atoms of a job an order lists. */
export async function countAtomsWithScore(db: Reader, job: number, order: ScoreOrder): Promise<number> {
  const row = await db.first(
    sql`SELECT count(*) AS total FROM atom_histories WHERE job_id = ${job} AND ${orders[order].where}`,
    { total: integer },
  );
  return row?.total ?? 0;
}

const named = { id: atomHistories.id, name: atomHistories.name };
export type NamedHistory = Row<typeof named>;

/** The next atoms of a job after the name `after`, in order of name. */
export function nextAtomsByName(
  db: Reader,
  job: number,
  after: string,
  limit: number,
): Promise<NamedHistory[]> {
  return db.all(
    sql`
      SELECT id, name FROM atom_histories WHERE job_id = ${job} AND name > ${after} ORDER BY name LIMIT ${limit}`,
    named,
  );
}

const scored = { ...named, score: real };
export type ScoredHistory = Row<typeof scored>;

/** The next atoms that an order lists after `after`, in that order; null: from the beginning. */
export function nextAtomsByScore(
  db: Reader,
  job: number,
  order: ScoreOrder,
  after: ScoredHistory | null,
  limit: number,
): Promise<ScoredHistory[]> {
  const { where, column, isRising } = orders[order];
  const sign = isRising === true ? sql`>` : sql`<`;
  const rest = after === null ? sql`true` : sql`(${column}, id) ${sign} (${after.score}, ${after.id})`;
  return db.all(
    sql`
      SELECT id, name, ${column} AS score FROM atom_histories WHERE job_id = ${job} AND ${where} AND ${rest}
      ORDER BY ${by(orders[order])} LIMIT ${limit}`,
    scored,
  );
}

const score = { id: atomHistories.id, score: real };

/** The ids among `ids` of atoms that an order lists, in that order. */
export async function orderedByScore(
  db: Reader,
  order: ScoreOrder,
  ids: readonly number[],
): Promise<number[]> {
  const { where, column, isRising } = orders[order];
  const rows = await db.all(
    sql`SELECT id, ${column} AS score FROM atom_histories WHERE id IN ${listOf(ids)} AND ${where}`,
    score,
  );
  // SQLite would go through the whole index for the order.
  const sign = isRising === true ? 1 : -1;
  return rows.sort((a, b) => sign * (a.score - b.score || a.id - b.id)).map(({ id }) => id);
}

/** In any order. */
export function atomHistoriesOf(db: Reader, ids: readonly number[]): Promise<AtomHistoryRow[]> {
  return db.all(sql`SELECT * FROM atom_histories WHERE id IN ${listOf(ids)}`, atomHistories);
}
