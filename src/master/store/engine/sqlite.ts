import { createRequire } from 'node:module';

/**
 * Where the library comes from: from Node where it has one, and else from a package with the same interface that brings
 * its native part built for each system.
 */
export type SqliteLibrary = 'node:sqlite' | '@photostructure/sqlite';

export interface SqliteOptions {
  /** The default is the first of availableLibraries(). */
  readonly library?: SqliteLibrary;
  readonly readOnly?: boolean;
  /** How long a statement waits for a lock that another process has. */
  readonly lockWaitMs?: number;
}

/** An error of SQLite itself. */
export class SqliteError extends Error {
  /** The name of its result code, such as SQLITE_FULL; see https://www.sqlite.org/rescode.html. */
  readonly code: string;

  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SqliteError';
    this.code = code;
  }
}

interface Changes {
  readonly changes: number | bigint;
  readonly lastInsertRowid: number | bigint;
}

/** A prepared statement. @throws SqliteError from each method */
export class SqliteStatement {
  readonly source: string;
  readonly reader: boolean;
  readonly #statement: DriverStatement;

  constructor(source: string, statement: DriverStatement) {
    this.source = source;
    this.reader = statement.columns().length > 0;
    this.#statement = statement;
  }

  all(values: readonly unknown[] = []): unknown[] {
    try {
      return this.#statement.all(...values);
    } catch (error) {
      throw translated(error);
    }
  }

  run(values: readonly unknown[] = []): Changes {
    try {
      return this.#statement.run(...values);
    } catch (error) {
      throw translated(error);
    }
  }
}

/** One open database, whichever library serves it. @throws SqliteError from each method */
export class Sqlite {
  readonly #library: SqliteLibrary;
  readonly #readOnly: boolean;
  readonly #database: DriverDatabase;

  constructor(path: string, options: SqliteOptions = {}) {
    const [library = PACKAGE] = options.library === undefined ? availableLibraries() : [options.library];
    closeRetired();
    this.#library = library;
    this.#readOnly = options.readOnly ?? false;
    try {
      const { DatabaseSync } = library === 'node:sqlite' ? requireBuiltin() : loadPackage();
      this.#database = new DatabaseSync(path, { readOnly: this.#readOnly });
    } catch (error) {
      throw translated(error);
    }
    this.execute(`PRAGMA busy_timeout = ${options.lockWaitMs ?? 0}`);
  }

  get isInTransaction(): boolean {
    return this.#database.isTransaction;
  }

  prepare(text: string): SqliteStatement {
    try {
      return new SqliteStatement(text, this.#database.prepare(text));
    } catch (error) {
      throw translated(error);
    }
  }

  /** Runs one statement or several, and drops the rows that they return. */
  execute(script: string): void {
    try {
      this.#database.exec(script);
    } catch (error) {
      throw translated(error);
    }
  }

  /**
   * Closes the file, with all that was written in the file itself. The package keeps a closed file open, and locked, until
   * its statements are garbage-collected. So its locks are given up in another way, which costs some milliseconds and is
   * left to the end of most processes.
   */
  close(): void {
    if (this.#library === 'node:sqlite' || this.#readOnly) {
      this.#database.close();
      return;
    }
    executeIfPossible(this.#database, 'PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)');
    retired.add(this.#database);
    setTimeout(closeRetired, RETIRED_MS).unref();
  }
}

/** Closed by their owners, and still locked. */
const retired = new Set<DriverDatabase>();
/** Less than a master waits for a lock, so that another process can open the file as soon as it is closed here. */
const RETIRED_MS = 200;

function closeRetired(): void {
  for (const database of retired) {
    retired.delete(database);
    executeIfPossible(database, GIVE_UP_LOCKS);
    database.close();
  }
}

/** On a damaged file or a full disk closing is all that is left, and the log stays beside the file. */
function executeIfPossible(database: DriverDatabase, script: string): void {
  try {
    database.exec(script);
  } catch (error) {
    if (!(translated(error) instanceof SqliteError)) {
      throw error;
    }
  }
}

/** The libraries that can be loaded on this machine, preferred ones first. */
export function availableLibraries(): SqliteLibrary[] {
  const libraries: SqliteLibrary[] = builtin() === null ? [] : ['node:sqlite'];
  try {
    loadPackage();
    return [...libraries, PACKAGE];
  } catch {
    // requireSqlite says why, where it is needed.
    return libraries;
  }
}

/** The parts of the module that are used. Its types come with later versions of @types/node than the oldest Node has. */
interface DriverStatement {
  all(...values: unknown[]): unknown[];
  run(...values: unknown[]): Changes;
  columns(): readonly unknown[];
}

interface DriverDatabase {
  readonly isTransaction: boolean;
  prepare(text: string): DriverStatement;
  exec(script: string): void;
  close(): void;
}

interface SqliteModule {
  readonly DatabaseSync: new (path: string, options: { readOnly: boolean }) => DriverDatabase;
}

const PACKAGE = '@photostructure/sqlite';

/** Locks are held as long as the journal mode is WAL. */
const GIVE_UP_LOCKS =
  'PRAGMA journal_mode = DELETE; PRAGMA locking_mode = NORMAL; SELECT 1 FROM sqlite_master';

let builtinModule: SqliteModule | null | undefined;

/** null where this Node has none, or an early one that cannot tell whether a transaction is open (before 22.16). */
export function builtin(): SqliteModule | null {
  if (builtinModule === undefined) {
    const loaded = withoutExperimentalWarning(() => process.getBuiltinModule('node:sqlite'));
    builtinModule = isComplete(loaded) ? loaded : null;
  }
  return builtinModule;
}

function isComplete(loaded: object | undefined): loaded is SqliteModule {
  if (loaded === undefined || !('DatabaseSync' in loaded) || typeof loaded.DatabaseSync !== 'function') {
    return false;
  }
  // It is a property of each database, and of no prototype.
  const database: object = Reflect.construct(loaded.DatabaseSync, [':memory:']);
  const knowsTransactions = 'isTransaction' in database;
  if ('close' in database && typeof database.close === 'function') {
    database.close();
  }
  return knowsTransactions;
}

/** Node 22 and 24 print a warning whenever it is loaded, which is of no use to an operator. */
function withoutExperimentalWarning<T>(load: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}

function requireBuiltin(): SqliteModule {
  const loaded = builtin();
  if (loaded === null) {
    throw new Error(`Node ${process.versions.node} has no node:sqlite that a master can use.`);
  }
  return loaded;
}

/** @throws an error of the module loader, or of the dynamic linker where the native part does not fit this system */
export function loadPackage(): SqliteModule {
  const loaded: SqliteModule = createRequire(import.meta.url)(PACKAGE);
  // The native part is loaded by the first database.
  new loaded.DatabaseSync(':memory:', { readOnly: false }).close();
  return loaded;
}

/** The names of primary result codes: the drivers give numbers. */
const RESULT_CODES: ReadonlyMap<number, string> = new Map([
  [1, 'SQLITE_ERROR'],
  [3, 'SQLITE_PERM'],
  [4, 'SQLITE_ABORT'],
  [5, 'SQLITE_BUSY'],
  [6, 'SQLITE_LOCKED'],
  [7, 'SQLITE_NOMEM'],
  [8, 'SQLITE_READONLY'],
  [9, 'SQLITE_INTERRUPT'],
  [10, 'SQLITE_IOERR'],
  [11, 'SQLITE_CORRUPT'],
  [13, 'SQLITE_FULL'],
  [14, 'SQLITE_CANTOPEN'],
  [15, 'SQLITE_PROTOCOL'],
  [18, 'SQLITE_TOOBIG'],
  [19, 'SQLITE_CONSTRAINT'],
  [21, 'SQLITE_MISUSE'],
  [26, 'SQLITE_NOTADB'],
]);
/** An extended result code has its primary one in the low byte. */
const PRIMARY = 0xff;

/** An error of SQLite as ours; any other as it is. */
function translated(error: unknown): unknown {
  if (
    !(error instanceof Error) ||
    !('code' in error && 'errcode' in error) ||
    error.code !== 'ERR_SQLITE_ERROR'
  ) {
    return error;
  }
  const number = Number(error.errcode);
  const code = RESULT_CODES.get(number & PRIMARY) ?? `SQLITE_${number}`;
  return new SqliteError(error.message, code, { cause: error });
}
