import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { makePrivate } from '../../../lib/fs/private-files.js';
import { Reader } from './engine.js';
import { GroupCommit, type GroupCommitOptions } from './group-commit.js';
import { migrate } from './migrations.js';
import { Sqlite, type SqliteLibrary } from './sqlite.js';
import { SqliteEngine } from './sqlite-engine.js';
import { refusalOf, requireKnownMigrations } from './store-errors.js';

/** A master that was told to stop may take a moment to close its file. */
const LOCK_WAIT_MS = 500;

/** The facts that outlive the master's process. Reads see committed facts only; writes are committed in groups. */
export interface Store extends Pick<GroupCommit, 'outage' | 'write' | 'endRetries'> {
  readonly db: Reader;
  /** Commits what was written before, then closes the database. */
  close(): Promise<void>;
}

export interface StoreOptions extends GroupCommitOptions {
  /** See SqliteOptions. */
  readonly library?: SqliteLibrary;
}

/**
 * Opens the database at `path`, making its folder, and brings its schema up to date. Until it is closed no other
 * process can open it.
 * @throws ClusterRunnerError CONFLICT when another master has it open, or the file is no database, damaged, not
 * writable, or written by a newer version
 */
export async function openStore(path: string, { library, ...options }: StoreOptions = {}): Promise<Store> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const sqlite = openAlone(path, library);
  for (const file of [path, `${path}-wal`, `${path}-shm`].filter((one) => existsSync(one))) {
    makePrivate(file);
  }
  // What the master acknowledged must survive a power cut, since the slave has deleted its copy. SQLite would flush
  // within the commit and hold up the whole process meanwhile; so it is told not to, and the log is flushed beside it.
  sqlite.execute('PRAGMA synchronous = NORMAL');
  sqlite.execute('PRAGMA foreign_keys = ON');
  try {
    requireKnownMigrations(sqlite, path);
    migrate(sqlite);
  } catch (error) {
    sqlite.close();
    throw refusalOf(error, path) ?? error;
  }
  const engine = await SqliteEngine.open(sqlite, path);
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

/** A second master would hand out what this one has handed out; the file's lock ends with the process, however. */
function openAlone(path: string, library: SqliteLibrary | undefined): Sqlite {
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
    throw refusalOf(error, path) ?? error;
  }
}
