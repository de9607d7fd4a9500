import { existsSync, mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Kysely, Migrator } from 'kysely';
import { makePrivate } from '../../../lib/fs/private-files.js';
import type { Database } from './database.js';
import { StoreDialect } from './dialect.js';
import { Direct } from './direct.js';
import { GroupCommit, type GroupCommitOptions, type Mutation, type WhenUnwritable } from './group-commit.js';
import { migrationProvider } from './migrations.js';
import { Sqlite, type SqliteEngine, SqliteError } from './sqlite.js';
import { cachingStatements } from './statement-cache.js';
import { refusalOf, requireKnownMigrations } from './store-errors.js';

/** A master that was told to stop may take a moment to close its file. */
const LOCK_WAIT_MS = 500;

/** The master's memory that outlives it. Reads see committed facts only; writes are committed in groups. */
export interface Store {
  readonly db: Kysely<Database>;
  /** Why nothing can be written now; null when it can, as far as is known. See GroupCommit. */
  readonly outage: { readonly error: unknown } | null;
  /** See GroupCommit.write. */
  write<T>(mutation: Mutation<T>, whenUnwritable?: WhenUnwritable): Promise<T>;
  /** See GroupCommit.endRetries. */
  endRetries(): void;
  /** Commits what was written before, then closes the file. */
  close(): Promise<void>;
}

export interface StoreOptions extends Pick<GroupCommitOptions, 'observe' | 'onOutage'> {
  /** See SqliteOptions. */
  readonly engine?: SqliteEngine;
}

/**
 * Opens the database at `path`, making its folder, and brings its schema up to date. Until it is closed no other
 * process can open it.
 * @throws ClusterRunnerError CONFLICT when another master has it open, or the file is no database, damaged, not
 * writable, or written by a newer version
 */
export async function openStore(path: string, { engine, ...options }: StoreOptions = {}): Promise<Store> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const sqlite = openAlone(path, engine);
  for (const file of [path, `${path}-wal`, `${path}-shm`].filter((one) => existsSync(one))) {
    makePrivate(file);
  }
  // What the master acknowledged must survive a power cut, since the slave has deleted its copy. SQLite would flush
  // within the commit and hold up the whole process meanwhile; so it is told not to, and the log is flushed beside.
  sqlite.execute('PRAGMA synchronous = NORMAL');
  sqlite.execute('PRAGMA foreign_keys = ON');
  const database = cachingStatements(sqlite);
  const db = new Kysely<Database>({ dialect: new StoreDialect(sqlite, database) });
  try {
    await migrate(db, path);
  } catch (error) {
    await db.destroy();
    throw refusalOf(error, path) ?? error;
  }
  // The same file for as long as the database is open. With NORMAL, SQLite flushes it itself before it moves what is
  // in it to the database and begins it anew; its commits are in a row, and one is only found if all before it are.
  const log = await open(`${path}-wal`, 'r+');
  const flush = () => log.datasync();
  const commits = new GroupCommit(db, {
    direct: new Direct(database),
    flush,
    async repair() {
      // Moves everything into the database itself, and flushes that.
      const [result] = sqlite.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all();
      if (!wasWhole(result)) {
        throw new SqliteError('the log of the database is in use', 'SQLITE_BUSY');
      }
    },
    ...options,
  });
  return {
    db,
    get outage() {
      return commits.outage;
    },
    write: (mutation, whenUnwritable) => commits.write(mutation, whenUnwritable),
    endRetries: () => commits.endRetries(),
    async close() {
      await commits.close();
      await log.close();
      await db.destroy();
    },
  };
}

/** Whether a checkpoint moved all of the log, by the row that it returns. */
function wasWhole(row: unknown): boolean {
  return typeof row === 'object' && row !== null && 'busy' in row && row.busy === 0;
}

/** A second master would hand out what this one has handed out; the file's lock ends with the process, however. */
function openAlone(path: string, engine: SqliteEngine | undefined): Sqlite {
  let sqlite: Sqlite | null = null;
  try {
    sqlite = new Sqlite(path, { lockWaitMs: LOCK_WAIT_MS, ...(engine === undefined ? {} : { engine }) });
    sqlite.execute('PRAGMA locking_mode = EXCLUSIVE');
    sqlite.execute('PRAGMA journal_mode = WAL');
    // The lock is taken by the first transaction, not by the pragma.
    sqlite.execute('BEGIN IMMEDIATE; COMMIT');
    return sqlite;
  } catch (error) {
    sqlite?.close();
    throw refusalOf(error, path) ?? error;
  }
}

async function migrate(db: Kysely<Database>, path: string): Promise<void> {
  const known = Object.keys(await migrationProvider.getMigrations());
  await requireKnownMigrations(db, path, known);
  const { error } = await new Migrator({ db, provider: migrationProvider }).migrateToLatest();
  if (error !== undefined) {
    throw error;
  }
}
