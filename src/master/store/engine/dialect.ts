import {
  type DatabaseConnection,
  type Driver,
  type SqliteDatabase,
  SqliteDialect,
  SqliteDriver,
} from 'kysely';
import type { Sqlite } from './sqlite.js';

/**
 * SQLite ends a transaction itself after some errors (a full disk is one). A rollback would then fail, and its error
 * would hide the one that somebody has to act on.
 */
class RollbackWhenOpen extends SqliteDriver {
  readonly #sqlite: Sqlite;

  constructor(sqlite: Sqlite, database: SqliteDatabase) {
    super({ database });
    this.#sqlite = sqlite;
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#sqlite.isInTransaction) {
      await super.rollbackTransaction(connection);
    }
  }
}

/** Kysely's dialect for SQLite, in which the first error of a transaction is the one that is thrown. */
export class StoreDialect extends SqliteDialect {
  readonly #sqlite: Sqlite;
  readonly #database: SqliteDatabase;

  constructor(sqlite: Sqlite, database: SqliteDatabase) {
    super({ database });
    this.#sqlite = sqlite;
    this.#database = database;
  }

  override createDriver(): Driver {
    return new RollbackWhenOpen(this.#sqlite, this.#database);
  }
}
