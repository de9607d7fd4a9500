import { type FileHandle, open } from 'node:fs/promises';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { integer, readRows } from './columns.js';
import { type Engine, FailedWrite } from './engine.js';
import { compile, type Dialect, isParameter, type Parameter, type Sql, type TableColumns } from './sql.js';
import { type Sqlite, SqliteError, type SqliteStatement } from './sqlite.js';
import type { Write } from './write.js';

/** A transaction lets others run after this long; their reads wait for its end, since there is one connection. */
const LONGEST_TURN_MS = 8;

/** By the columns that a table has: most are constants of the program. */
const selections = new WeakMap<TableColumns, string>();

function selectionOf(columns: TableColumns): string {
  const known = selections.get(columns);
  if (known !== undefined) {
    return known;
  }
  const selected = Object.entries(columns).map(([name, type], at) =>
    // JSON writes 1.0 as 1, which would be an integer.
    type === 'real' ? `CAST(value ->> ${at} AS REAL) AS ${name}` : `value ->> ${at} AS ${name}`,
  );
  const selection = selected.join(', ');
  selections.set(columns, selection);
  return selection;
}

/** Lists and tables are JSON arrays: one parameter, so one prepared statement, whatever their length. */
export const sqliteDialect: Dialect = {
  placeholder: () => '?',
  list: (placeholder) => `(SELECT value FROM json_each(${placeholder}))`,
  table: (placeholder, columns) => `(SELECT ${selectionOf(columns)} FROM json_each(${placeholder}))`,
  jsonNumber: (column, path) => `(${column} ->> '$.${path.join('.')}')`,
  jsonArray: (column) => `json_group_array(${column})`,
  jsonText: (column, path) => `(${column} ->> '$.${path.join('.')}')`,
};

/** The store in one SQLite file. */
export class SqliteEngine implements Engine {
  readonly #sqlite: Sqlite;
  /** The log of the database, the same file for as long as it is open. */
  readonly #log: FileHandle;
  /**
   * By text, and for those without fragments by their template, which saves putting the text together. They are few:
   * every text is written in the program. Each runs to its end at once, so none is ever in use twice.
   */
  readonly #statements = new Map<string | readonly string[], SqliteStatement>();
  #transaction: Promise<unknown> | null = null;

  private constructor(sqlite: Sqlite, log: FileHandle) {
    this.#sqlite = sqlite;
    this.#log = log;
  }

  /** `path` is the file that `sqlite` has open, in WAL mode and with its schema up to date. */
  static async open(sqlite: Sqlite, path: string): Promise<SqliteEngine> {
    return new SqliteEngine(sqlite, await open(`${path}-wal`, 'r+'));
  }

  async read(query: Sql): Promise<readonly unknown[]> {
    while (this.#transaction !== null) {
      await this.#transaction.catch(() => undefined);
    }
    const [statement, parameters] = this.#prepare(query);
    return statement.all(parameters);
  }

  async transaction(groups: Iterable<readonly Write[]>, probes: boolean): Promise<unknown[][]> {
    const transaction = this.#run(groups, probes);
    this.#transaction = transaction;
    try {
      return await transaction;
    } finally {
      this.#transaction = null;
    }
  }

  async #run(groups: Iterable<readonly Write[]>, probes: boolean): Promise<unknown[][]> {
    const results: unknown[][] = [];
    let turn = performance.now();
    this.#text('begin').run();
    try {
      if (probes) {
        this.#probe();
      }
      for (const writes of groups) {
        const ofGroup: unknown[] = [];
        for (const write of writes) {
          ofGroup.push(this.#write(write, results.length));
          if (performance.now() - turn > LONGEST_TURN_MS) {
            await yieldToEventLoop();
            turn = performance.now();
          }
        }
        results.push(ofGroup);
      }
      this.#text('commit').run();
      return results;
    } catch (error) {
      // SQLite ends a transaction itself after some errors (a full disk is one). A rollback would then fail, and its
      // error would hide the one that somebody has to act on.
      if (this.#sqlite.isInTransaction) {
        this.#text('rollback').run();
      }
      throw error;
    }
  }

  #write({ sql, result }: Write, group: number): unknown {
    try {
      const [statement, parameters] = this.#prepare(sql);
      if (statement.reader) {
        const rows = statement.all(parameters);
        return result({ rows, changes: rows.length });
      }
      return result({ rows: [], changes: Number(statement.run(parameters).changes) });
    } catch (error) {
      throw new FailedWrite(group, error);
    }
  }

  #probe(): void {
    const [row] = readRows(this.#text('PRAGMA user_version').all(), { user_version: integer });
    this.#sqlite.execute(`PRAGMA user_version = ${row?.user_version === 1 ? 0 : 1}`);
  }

  /** SQLite itself flushes the log before it moves what is in it to the database and begins it again. */
  async flush(): Promise<void> {
    await this.#log.datasync();
  }

  /** Moves everything into the database itself, and flushes that. */
  async repair(): Promise<void> {
    const [result] = readRows(this.#text('PRAGMA wal_checkpoint(TRUNCATE)').all(), { busy: integer });
    if (result?.busy !== 0) {
      throw new SqliteError('the log of the database is in use', 'SQLITE_BUSY');
    }
  }

  async lastId(table: 'leases'): Promise<number> {
    const rows = this.#text('SELECT seq FROM sqlite_sequence WHERE name = ?').all([table]);
    return readRows(rows, { seq: integer })[0]?.seq ?? 0;
  }

  async close(): Promise<void> {
    this.#statements.clear();
    await this.#log.close();
    this.#sqlite.close();
  }

  #prepare(sql: Sql): [SqliteStatement, readonly Parameter[]] {
    if (sql.pieces.every(isParameter)) {
      const known = this.#statements.get(sql.texts);
      if (known !== undefined) {
        return [known, sql.pieces];
      }
    }
    const { text, parameters } = compile(sql, sqliteDialect);
    const statement = this.#text(text);
    if (sql.pieces.every(isParameter)) {
      this.#statements.set(sql.texts, statement);
    }
    return [statement, parameters];
  }

  #text(text: string): SqliteStatement {
    const known = this.#statements.get(text);
    const statement = known ?? this.#sqlite.prepare(text);
    if (known === undefined) {
      this.#statements.set(text, statement);
    }
    return statement;
  }
}
