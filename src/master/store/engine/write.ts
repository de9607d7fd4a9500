import { type Columns, type Row, readRows } from './columns.js';
import type { Sql } from './sql.js';

/** The outcome of a statement that an engine has run. */
export interface Outcome {
  /** The rows of a statement with RETURNING; empty for any other. */
  readonly rows: readonly unknown[];
  /** How many rows were inserted, updated or deleted. */
  readonly changes: number;
}

/**
 * One statement of a transaction, as data: it can be run again after a rollback. `result` turns its outcome into what the
 * caller gets after the commit; when it throws, the transaction is rolled back.
 */
export interface Write<T = unknown> {
  readonly sql: Sql;
  readonly result: (outcome: Outcome) => T;
}

/** The results of several writes, in order. */
export type Results<W extends readonly Write[]> = {
  readonly [At in keyof W]: W[At] extends Write<infer T> ? T : never;
};

/** Changes any number of rows. Results in that number. */
export function change(sql: Sql): Write<number> {
  return { sql, result: ({ changes }) => changes };
}

/**
 * Changes exactly `rows` rows. Any other number means that the master's memory and its store differ, which no caller can
 * fix; the write then fails with an error that begins with `what`.
 */
export function changeExactly(rows: number, what: string, sql: Sql): Write<void> {
  return {
    sql,
    result({ changes }) {
      if (changes !== rows) {
        throw new Error(`${what}: ${changes} rows changed in the store instead of ${rows}.`);
      }
    },
  };
}

/** Changes rows. Results in what `read` makes of the returned ones. */
export function returning<C extends Columns, T>(sql: Sql, columns: C, read: (rows: Row<C>[]) => T): Write<T> {
  return { sql, result: ({ rows }) => read(readRows(rows, columns)) };
}

/** The same for a statement that returns one row. */
export function returningOne<C extends Columns, T>(sql: Sql, columns: C, read: (row: Row<C>) => T): Write<T> {
  return returning(sql, columns, ([row]) => {
    if (row === undefined) {
      throw new Error('A statement with RETURNING has returned no row.');
    }
    return read(row);
  });
}
