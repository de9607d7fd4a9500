import type SQLite from 'better-sqlite3';
import {
  type DatabaseConnection,
  type Driver,
  type SqliteDatabase,
  SqliteDialect,
  SqliteDriver,
} from 'kysely';

/**
 * SQLite ends a transaction itself after some errors (a full disk is one). A rollback would then fail, and its error
 * would hide the one that somebody has to act on.
 */
class RollbackWhenOpen extends SqliteDriver {
  readonly #sqlite: SQLite.Database;

  constructor(sqlite: SQLite.Database, database: SqliteDatabase) {
    super({ database });
    this.#sqlite = sqlite;
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#sqlite.inTransaction) {
      await super.rollbackTransaction(connection);
    }
  }
}

/** Kysely's dialect for SQLite, in which the first error of a transaction is the one that is thrown. */
export class StoreDialect extends SqliteDialect {
  readonly #sqlite: SQLite.Database;
  readonly #database: SqliteDatabase;

  constructor(sqlite: SQLite.Database, database: SqliteDatabase) {
    super({ database });
    this.#sqlite = sqlite;
    this.#database = database;
  }

  override createDriver(): Driver {
    return new RollbackWhenOpen(this.#sqlite, this.#database);
  }
}
