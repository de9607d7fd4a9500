import { type Columns, type Row, readRows } from './columns.js';
import type { Sql } from './sql.js';
import type { Write } from './write.js';

/** A database that the store can lie in. All that differs from one to another is behind this. */
export interface Engine {
  /** Sees committed facts only. */
  read(query: Sql): Promise<readonly unknown[]>;
  /**
   * Runs groups of writes, one after another, in one transaction that is undone when any of them fails; groups are
   * taken from `groups` as they are run. One transaction runs at a time. With `probes` it also writes something that
   * nobody reads, so that it fails where nothing can be written, even without any writes.
   * @returns the results of each group
   * @throws FailedWrite when a write fails, any other error when the transaction does
   */
  transaction(groups: Iterable<readonly Write[]>, probes: boolean): Promise<unknown[][]>;
  /** Resolves when all that was committed before the call outlives a power cut. */
  flush(): Promise<void>;
  /** Does the same in another way, after `flush` has failed. */
  repair(): Promise<void>;
  /** The highest id that a row of this table ever had; 0 before the first. */
  lastId(table: 'leases'): Promise<number>;
  close(): Promise<void>;
}

/** A write of the group at `index` of its transaction has failed with `cause`. */
export class FailedWrite extends Error {
  readonly index: number;
  override readonly cause: unknown;

  constructor(index: number, cause: unknown) {
    super('A write has failed.');
    this.name = 'FailedWrite';
    this.index = index;
    this.cause = cause;
  }
}

/** Reads of committed facts, with every row checked. */
export class Reader {
  readonly #engine: Pick<Engine, 'read' | 'lastId'>;

  constructor(engine: Pick<Engine, 'read' | 'lastId'>) {
    this.#engine = engine;
  }

  async all<C extends Columns>(query: Sql, columns: C): Promise<Row<C>[]> {
    return readRows(await this.#engine.read(query), columns);
  }

  async first<C extends Columns>(query: Sql, columns: C): Promise<Row<C> | undefined> {
    const [row] = await this.all(query, columns);
    return row;
  }

  /** See Engine. */
  lastId(table: 'leases'): Promise<number> {
    return this.#engine.lastId(table);
  }
}
