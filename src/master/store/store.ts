import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import SQLite from 'better-sqlite3';
import { Kysely, Migrator, SqliteDialect } from 'kysely';
import type { Database } from './database.js';
import { GroupCommit, type Mutation } from './group-commit.js';
import { migrationProvider } from './migrations.js';

/** The master's memory that outlives it. Reads see committed facts only; writes are committed in groups. */
export interface Store {
  readonly db: Kysely<Database>;
  /** See GroupCommit.write. */
  write<T>(mutation: Mutation<T>): Promise<T>;
  /** Commits what was written before, then closes the file. */
  close(): Promise<void>;
}

/**
 * Opens the database at `path`, making its folder, and brings its schema up to date.
 * @throws Error when the file is no database, or one of a newer version.
 */
export async function openStore(path: string): Promise<Store> {
  mkdirSync(dirname(path), { recursive: true });
  const sqlite = new SQLite(path);
  sqlite.pragma('journal_mode = WAL');
  // FULL, not NORMAL: what the master acknowledged must survive a power cut, since the slave has deleted its copy.
  // The commits are grouped, so that costs one flush for each group and not for each write.
  sqlite.pragma('synchronous = FULL');
  sqlite.pragma('busy_timeout = 5000');
  sqlite.pragma('foreign_keys = ON');
  const db = new Kysely<Database>({ dialect: new SqliteDialect({ database: sqlite }) });
  const { error } = await new Migrator({ db, provider: migrationProvider }).migrateToLatest();
  if (error !== undefined) {
    await db.destroy();
    throw new Error(`The database ${path} cannot be used by this version of ClusterRunner.`, { cause: error });
  }
  const commits = new GroupCommit(db);
  return {
    db,
    write: (mutation) => commits.write(mutation),
    async close() {
      await commits.close();
      await db.destroy();
    },
  };
}
