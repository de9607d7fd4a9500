import { mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import SQLite from 'better-sqlite3';
import { Kysely, Migrator, SqliteDialect } from 'kysely';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Database } from './database.js';
import { Direct } from './direct.js';
import { GroupCommit, type Mutation } from './group-commit.js';
import { migrationProvider } from './migrations.js';
import { cachingStatements } from './statement-cache.js';

/** A master that was told to stop may take a moment to close its file. */
const LOCK_WAIT_MS = 500;

/** The master's memory that outlives it. Reads see committed facts only; writes are committed in groups. */
export interface Store {
  readonly db: Kysely<Database>;
  /** See GroupCommit.write. */
  write<T>(mutation: Mutation<T>): Promise<T>;
  /** Commits what was written before, then closes the file. */
  close(): Promise<void>;
}

/**
 * Opens the database at `path`, making its folder, and brings its schema up to date. Until it is closed no other
 * process can open it. `observe` is told how many seconds each transaction took.
 * @throws ClusterRunnerError CONFLICT when another master has it open
 * @throws Error when the file is no database, or one of a newer version.
 */
export async function openStore(path: string, observe?: (seconds: number) => void): Promise<Store> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const sqlite = openAlone(path);
  // What the master acknowledged must survive a power cut, since the slave has deleted its copy. SQLite would flush
  // within the commit and hold up the whole process meanwhile; so it is told not to, and the log is flushed beside.
  sqlite.pragma('synchronous = NORMAL');
  sqlite.pragma('foreign_keys = ON');
  const database = cachingStatements(sqlite);
  const db = new Kysely<Database>({ dialect: new SqliteDialect({ database }) });
  const { error } = await new Migrator({ db, provider: migrationProvider }).migrateToLatest();
  if (error !== undefined) {
    await db.destroy();
    throw new Error(`The database ${path} cannot be used by this version of ClusterRunner.`, {
      cause: error,
    });
  }
  // The same file for as long as the database is open. With NORMAL, SQLite flushes it itself before it moves what is
  // in it to the database and begins it anew; its commits are in a row, and one is only found if all before it are.
  const log = await open(`${path}-wal`, 'r+');
  const flush = () => log.datasync();
  const commits = new GroupCommit(db, {
    direct: new Direct(database),
    flush,
    ...(observe === undefined ? {} : { observe }),
  });
  return {
    db,
    write: (mutation) => commits.write(mutation),
    async close() {
      await commits.close();
      await log.close();
      await db.destroy();
    },
  };
}

/** A second master would hand out what this one has handed out; the file's lock ends with the process, however. */
function openAlone(path: string): SQLite.Database {
  const sqlite = new SQLite(path, { timeout: LOCK_WAIT_MS });
  try {
    sqlite.pragma('locking_mode = EXCLUSIVE');
    sqlite.pragma('journal_mode = WAL');
    // The lock is taken by the first transaction, not by the pragma.
    sqlite.exec('BEGIN IMMEDIATE; COMMIT');
    return sqlite;
  } catch (error) {
    sqlite.close();
    if (error instanceof SQLite.SqliteError && error.code.startsWith('SQLITE_BUSY')) {
      throw new ClusterRunnerError(
        'CONFLICT',
        `Another master uses ${dirname(path)}; stop it (\`clusterrunner stop\`), or give this one a base_directory of its own.`,
        { cause: error },
      );
    }
    if (error instanceof SQLite.SqliteError && /^SQLITE_(NOTADB|CORRUPT)/.test(error.code)) {
      throw new ClusterRunnerError(
        'CONFLICT',
        `${path} is damaged or no database (${error.message}); put a copy in its place, or move it away to begin anew.`,
        { cause: error },
      );
    }
    throw error;
  }
}
