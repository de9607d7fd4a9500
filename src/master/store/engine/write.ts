import { type Columns, type Row, readRows } from './columns.js';
import type { Sql } from './sql.js';

/** What an engine says of a statement that it has run. */
export interface Outcome {
  /** Of a statement with RETURNING; else none. */
  readonly rows: readonly unknown[];
  /** How many rows were inserted, updated or deleted. */
  readonly changes: number;
}

/**
 * One statement of a transaction, as data: it may be run again, after what it did was undone.
 * `result` turns its outcome into what the writer gets after the commit; when it throws, the transaction is undone.
 */
export interface Write<T = unknown> {
  readonly sql: Sql;
  readonly result: (outcome: Outcome) => T;
}

/** The results of several writes, in order. */
export type Results<W extends readonly Write[]> = {
  readonly [At in keyof W]: W[At] extends Write<infer T> ? T : never;
};

/** Changes any number of rows, and results in this number. */
export function change(sql: Sql): Write<number> {
  return { sql, result: ({ changes }) => changes };
}

/**
 * Changes exactly `rows` rows. Any other number means that the memory of the master and its store differ, which no
 * caller can fix: the write fails with an error that begins with `what`.
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

/** Changes rows and results in what `read` makes of those that it returns. */
export function returning<C extends Columns, T>(sql: Sql, columns: C, read: (rows: Row<C>[]) => T): Write<T> {
  return { sql, result: ({ rows }) => read(readRows(rows, columns)) };
}

/** The same for a statement that returns one row. */
export function returningOne<C extends Columns, T>(sql: Sql, columns: C, read: (row: Row<C>) => T): Write<T> {
  return returning(sql, columns, ([row]) => {
    if (row === undefined) {
      throw new Error('The store has returned no row for a row that it was given.');
    }
    return read(row);
  });
}
