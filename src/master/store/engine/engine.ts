import { type Columns, type Row, readRows } from './columns.js';
import type { Sql } from './sql.js';
import type { Write } from './write.js';

/** A database in which the store is kept. This interface hides everything that differs between databases. */
export interface Engine {
  /** Sees committed data only. */
  read(query: Sql): Promise<readonly unknown[]>;
  /**
   * Runs groups of writes in order in one transaction, which is rolled back when any write fails. Groups are taken from
   * the iterable as they are run. Only one transaction may run at a time. With `probes` it also writes a value that is
   * never read, so that it fails while nothing can be written, even without any writes.
   * @returns the results of each group
   * @throws FailedWrite when a write fails; any other error when the transaction as a whole does
   */
  transaction(groups: Iterable<readonly Write[]>, probes: boolean): Promise<unknown[][]>;
  /** Resolves when everything that was committed before the call survives a power cut. */
  flush(): Promise<void>;
  /** Does the same in another way after `flush` has failed. */
  repair(): Promise<void>;
  /** The highest id that a row of this table ever had; 0 before the first. */
  lastId(table: 'leases'): Promise<number>;
  close(): Promise<void>;
}

/** Says which group of a transaction has a write that failed. */
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

/** Reads committed data and checks every row. */
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
