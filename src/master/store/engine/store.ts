import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { makePrivate } from '../../../lib/fs/private-files.js';
import { Reader } from './engine.js';
import { GroupCommit, type GroupCommitOptions } from './group-commit.js';
import { migrate } from './migrations.js';
import { Sqlite, type SqliteLibrary } from './sqlite.js';
import { SqliteEngine } from './sqlite-engine.js';
import { refusalOf, requireKnownMigrations } from './store-errors.js';

/** A stopping master may take a moment to close its file. */
const LOCK_WAIT_MS = 500;

/** The master's persistent state. Reads see committed data only; writes are committed in groups. */
export interface Store extends Pick<GroupCommit, 'outage' | 'write' | 'endRetries'> {
  readonly db: Reader;
  /** Commits what was written before, then closes the database. */
  close(): Promise<void>;
}

export interface StoreOptions extends GroupCommitOptions {
  /** See SqliteOptions. */
  readonly library?: SqliteLibrary;
  /** The path for messages, where the file is a copy; its own unless given. */
  readonly named?: string;
}

/**
 * Opens the database at `path`, making its folder, and brings its schema up to date. Until it is closed no other
 * process can open it.
 * @throws ClusterRunnerError CONFLICT when another master has it open, or the file is no database, damaged, not
 * writable, or written by a newer version
 */
export async function openStore(
  path: string,
  { library, named = path, ...options }: StoreOptions = {},
): Promise<Store> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const sqlite = openAlone(path, named, library);
  for (const file of [path, `${path}-wal`, `${path}-shm`].filter((one) => existsSync(one))) {
    makePrivate(file);
  }
  // Acknowledged results must survive a power cut, since slaves delete their copies. SQLite would flush within the commit
  // and block the process meanwhile. With NORMAL it does not, and SqliteEngine flushes the log asynchronously.
  sqlite.execute('PRAGMA synchronous = NORMAL');
  sqlite.execute('PRAGMA foreign_keys = ON');
  let engine: SqliteEngine;
  try {
    requireKnownMigrations(sqlite, named);
    migrate(sqlite);
    engine = await SqliteEngine.open(sqlite, path);
  } catch (error) {
    sqlite.close();
    throw refusalOf(error, named) ?? error;
  }
  const commits = new GroupCommit(engine, options);
  return {
    db: new Reader(engine),
    get outage() {
      return commits.outage;
    },
    write: (writes, whenUnwritable) => commits.write(writes, whenUnwritable),
    endRetries: () => commits.endRetries(),
    async close() {
      await commits.close();
      await engine.close();
    },
  };
}

/** Holds an exclusive lock until the process ends, since two masters would hand out the same work. */
function openAlone(path: string, named: string, library: SqliteLibrary | undefined): Sqlite {
  let sqlite: Sqlite | null = null;
  try {
    sqlite = new Sqlite(path, { lockWaitMs: LOCK_WAIT_MS, ...(library === undefined ? {} : { library }) });
    sqlite.execute('PRAGMA locking_mode = EXCLUSIVE');
    sqlite.execute('PRAGMA journal_mode = WAL');
    // The lock is taken by the first transaction, not by the pragma.
    sqlite.execute('BEGIN IMMEDIATE; COMMIT');
    return sqlite;
  } catch (error) {
    sqlite?.close();
    throw refusalOf(error, named) ?? error;
  }
}
