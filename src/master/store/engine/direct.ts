import type { SqliteDatabase } from 'kysely';

type Value = string | number | null;

/**
 * Runs a statement at once, as the library below Kysely does. For what belongs to each hand-out and result: Kysely needs
 * 15 µs for a statement that takes two. In a mutation it is part of its transaction, as there is one connection.
 */
export class Direct {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  /** Answers how many rows have changed. `text` must be the same each time, its values behind it, one for each `?`. */
  run(text: string, ...values: Value[]): number {
    return Number(this.#database.prepare(text).run(values).changes);
  }

  /** The same for a statement that returns rows. */
  all(text: string, ...values: Value[]): unknown[] {
    return this.#database.prepare(text).all(values);
  }
}
