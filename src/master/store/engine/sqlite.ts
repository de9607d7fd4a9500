import { createRequire } from 'node:module';
import type BetterSqlite from 'better-sqlite3';

/** The library below: the one in Node where this Node has it, and else a package with native code. */
export type SqliteEngine = 'node:sqlite' | 'better-sqlite3';

export interface SqliteOptions {
  /** The default is the first of availableEngines(). */
  readonly engine?: SqliteEngine;
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

interface EngineStatement {
  readonly reader: boolean;
  all(values: readonly unknown[]): unknown[];
  run(values: readonly unknown[]): Changes;
  iterate(values: readonly unknown[]): IterableIterator<unknown>;
}

interface EngineDatabase {
  readonly isInTransaction: boolean;
  prepare(text: string): EngineStatement;
  execute(script: string): void;
  close(): void;
}

/** A prepared statement, in the form in which Kysely wants it. @throws SqliteError from each method */
export class SqliteStatement {
  readonly source: string;
  readonly reader: boolean;
  readonly #statement: EngineStatement;

  constructor(source: string, statement: EngineStatement) {
    this.source = source;
    this.reader = statement.reader;
    this.#statement = statement;
  }

  all(values: readonly unknown[] = []): unknown[] {
    try {
      return this.#statement.all(values);
    } catch (error) {
      throw translated(error);
    }
  }

  run(values: readonly unknown[] = []): Changes {
    try {
      return this.#statement.run(values);
    } catch (error) {
      throw translated(error);
    }
  }

  /** Its errors are those of the engine. */
  iterate(values: readonly unknown[] = []): IterableIterator<unknown> {
    return this.#statement.iterate(values);
  }
}

/** One open database, whichever library serves it. @throws SqliteError from each method */
export class Sqlite {
  readonly #database: EngineDatabase;

  constructor(path: string, options: SqliteOptions = {}) {
    const [engine = 'better-sqlite3'] = options.engine === undefined ? availableEngines() : [options.engine];
    try {
      this.#database =
        engine === 'node:sqlite'
          ? openBuiltin(path, options.readOnly ?? false)
          : openPackage(path, options.readOnly ?? false);
    } catch (error) {
      throw translated(error);
    }
    this.execute(`PRAGMA busy_timeout = ${options.lockWaitMs ?? 0}`);
  }

  get isInTransaction(): boolean {
    return this.#database.isInTransaction;
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
      this.#database.execute(script);
    } catch (error) {
      throw translated(error);
    }
  }

  close(): void {
    this.#database.close();
  }
}

/** Those that can be loaded on this machine, the preferred one first. */
export function availableEngines(): SqliteEngine[] {
  const engines: SqliteEngine[] = builtin() === null ? [] : ['node:sqlite'];
  try {
    loadPackage();
    return [...engines, 'better-sqlite3'];
  } catch {
    // requireSqlite says why, where it is needed.
    return engines;
  }
}

/** The parts of Node's module that are used. Its types come with later versions of @types/node than the oldest Node has. */
interface BuiltinStatement {
  all(...values: unknown[]): unknown[];
  run(...values: unknown[]): Changes;
  iterate(...values: unknown[]): IterableIterator<unknown>;
  columns(): readonly unknown[];
}

interface BuiltinDatabase {
  readonly isTransaction: boolean;
  prepare(text: string): BuiltinStatement;
  exec(script: string): void;
  close(): void;
}

interface BuiltinModule {
  readonly DatabaseSync: new (path: string, options: { readOnly: boolean }) => BuiltinDatabase;
}

let builtinModule: BuiltinModule | null | undefined;

/** null where this Node has none, or an early one that cannot tell whether a transaction is open (before 22.16). */
export function builtin(): BuiltinModule | null {
  if (builtinModule === undefined) {
    const loaded = withoutExperimentalWarning(() => process.getBuiltinModule('node:sqlite'));
    builtinModule = isComplete(loaded) ? loaded : null;
  }
  return builtinModule;
}

function isComplete(loaded: object | undefined): loaded is BuiltinModule {
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

/** Node 22 and 24 warn of it whenever it is loaded, which is of no use to whoever runs a master. */
function withoutExperimentalWarning<T>(load: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}

function openBuiltin(path: string, readOnly: boolean): EngineDatabase {
  const loaded = builtin();
  if (loaded === null) {
    throw new Error(`Node ${process.versions.node} has no node:sqlite that a master can use.`);
  }
  const database = new loaded.DatabaseSync(path, { readOnly });
  return {
    get isInTransaction() {
      return database.isTransaction;
    },
    prepare(text) {
      const statement = database.prepare(text);
      return {
        reader: statement.columns().length > 0,
        all: (values) => statement.all(...values),
        run: (values) => statement.run(...values),
        iterate: (values) => statement.iterate(...values),
      };
    },
    execute: (script) => database.exec(script),
    close: () => database.close(),
  };
}

/** @throws an error of the module loader, or of the dynamic linker for one that was built for another Node */
export function loadPackage(): typeof BetterSqlite {
  const loaded: typeof BetterSqlite = createRequire(import.meta.url)('better-sqlite3');
  // The native part is loaded by the first database.
  new loaded(':memory:').close();
  return loaded;
}

function openPackage(path: string, readOnly: boolean): EngineDatabase {
  const database = new (loadPackage())(path, { readonly: readOnly });
  return {
    get isInTransaction() {
      return database.inTransaction;
    },
    prepare(text) {
      const statement = database.prepare<unknown[], unknown>(text);
      return {
        reader: statement.reader,
        all: (values) => statement.all(values),
        run: (values) => statement.run(values),
        iterate: (values) => statement.iterate(values),
      };
    },
    execute: (script) => database.exec(script),
    close: () => database.close(),
  };
}

/** Primary result codes by number, which is all that node:sqlite says; better-sqlite3 says extended names. */
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

/** The error of either engine as ours; any other as it is. */
function translated(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) {
    return error;
  }
  if (error.code === 'ERR_SQLITE_ERROR' && 'errcode' in error) {
    const number = Number(error.errcode);
    const code = RESULT_CODES.get(number & PRIMARY) ?? `SQLITE_${number}`;
    return new SqliteError(error.message, code, { cause: error });
  }
  return String(error.code).startsWith('SQLITE_')
    ? new SqliteError(error.message, String(error.code), { cause: error })
    : error;
}
