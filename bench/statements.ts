import { join } from 'node:path';
import { noEstimate } from '../src/domain/scheduling/duration-estimate.js';
import { atomsOfSubjob, insertAtoms, recordVerdicts } from '../src/master/store/atoms.js';
import { insertBuild } from '../src/master/store/builds.js';
import { Reader } from '../src/master/store/engine/engine.js';
import { migrate } from '../src/master/store/engine/migrations.js';
import { compile, type Sql } from '../src/master/store/engine/sql.js';
import { Sqlite } from '../src/master/store/engine/sqlite.js';
import { SqliteEngine, sqliteDialect } from '../src/master/store/engine/sqlite-engine.js';
import type { Write } from '../src/master/store/engine/write.js';
import { appendEvent } from '../src/master/store/events.js';
import { endLease, insertLease } from '../src/master/store/leases.js';
import { endSubjobLease, insertSubjobs, leaseSubjob } from '../src/master/store/subjobs.js';
import { learnTimings } from '../src/master/store/timings.js';
import { toId } from '../src/protocol/ids.js';
import { benchOptions } from './support/options.js';
import { Report, type Row } from './support/report.js';
import { median, round } from './support/statistics.js';
import { inWorkplace } from './support/workplace.js';

/*
 * The overhead of the store's engine above the database's driver. Each statement that a hand-out or a result needs runs in
 * transactions of fifty, by the driver alone and by the engine in turn. The driver alone has its statement prepared and its
 * parameters at hand; the engine's time has all that the master does for a statement.
 *
 *   node dist/bench/statements.js [--quick] [--json FILE] [--rounds N]
 */

const options = benchOptions(15);
/** Statements of a transaction, and transactions of a round. */
const TIMES = 50;
const TRANSACTIONS = options.quick ? 1 : 20;
const NUM_ATOMS = 10;
const subjob = toId.subjob(0);

/** The nth write of a series that can be run again from the start after a rollback. */
type Series = (n: number) => Write;

async function measure(home: string): Promise<Row[]> {
  const path = join(home, 'statements.db');
  const sqlite = new Sqlite(path);
  sqlite.execute('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  migrate(sqlite);
  const engine = await SqliteEngine.open(sqlite, path);
  const [[build] = []] = await engine.transaction([[insertBuild({ type: 'directory' }, {})]], false);
  const id = toId.build(Number(build));
  const atoms = Array.from({ length: NUM_ATOMS }, (_, n) => ({
    id: n,
    subjob: 0,
    variable: 'T',
    value: `t${n}`,
  }));
  await engine.transaction(
    [
      [
        insertSubjobs(id, [{ id: 0, atoms: NUM_ATOMS, ...noEstimate }]),
        insertAtoms(
          id,
          atoms.map((atom) => ({ ...atom, ...noEstimate })),
        ),
      ],
    ],
    false,
  );
  const verdicts = atoms.map((atom) => ({ id: toId.atom(atom.id), exit_code: 0, actual_time: 1.5 }));
  const lease = (n: number) => ({
    lease_id: toId.lease(n + 1),
    attempt: toId.attempt((n >> 1) + 1),
    token: 't',
  });
  const row = (n: number) => ({
    id: n + 1,
    build_id: id,
    subjob_id: 0,
    attempt: n,
    slave_id: 1,
    executor_index: 0,
    token: 't',
    taken_at: 0,
  });
  const queued = (taken: number) =>
    ({ state: 'QUEUED', taken, lease: null, losses: [], error: null }) as const;
  const series: Record<string, Series> = {
    'insert a lease, end it': (n) =>
      n % 2 === 0 ? insertLease(row(n)) : endLease(toId.lease(n), 'DELIVERED', 1),
    'lease a subjob, end that': (n) =>
      n % 2 === 0
        ? leaseSubjob(id, subjob, lease(n))
        : endSubjobLease(id, subjob, lease(n), queued((n >> 1) + 1)),
    [`record the verdicts of ${NUM_ATOMS} atoms`]: () => recordVerdicts(id, subjob, toId.lease(1), verdicts),
    [`learn the times of ${NUM_ATOMS} atoms`]: () =>
      learnTimings({ build: id, subjob, project: 'p', job: 'j' }, 1),
    'append an event': (n) => appendEvent('SUBJOB_DONE', { build_id: id, subjob_id: n, slave: 'worker' }, 1),
  };
  await engine.transaction([[recordVerdicts(id, subjob, toId.lease(1), verdicts)]], false);
  const rows: Row[] = [];
  for (const [name, write] of Object.entries(series)) {
    const runs = { driver: [] as number[], engine: [] as number[] };
    for (let turn = 0; turn <= options.rounds; turn += 1) {
      runs.driver.push(await medianOf(() => runDriver(sqlite, write)));
      runs.engine.push(await medianOf(() => runEngine(engine, write)));
    }
    rows.push(rowOf(name, runs));
  }
  rows.push(await measureReads(sqlite, new Reader(engine), id));
  await engine.close();
  return rows;
}

/** The median, since other processes of a busy machine delay some transactions. */
async function medianOf(measured: () => number | Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let n = 0; n < TRANSACTIONS; n += 1) {
    values.push(await measured());
  }
  return median(values);
}

/** Microseconds for each statement. */
function runDriver(sqlite: Sqlite, write: Series): number {
  const compiled = Array.from({ length: TIMES }, (_, n) => compile(write(n).sql, sqliteDialect));
  const statements = new Map(compiled.map(({ text }) => [text, sqlite.prepare(text)]));
  const calls = compiled.map(({ text, parameters }) => ({ statement: statements.get(text), parameters }));
  sqlite.execute('BEGIN');
  const start = performance.now();
  for (const { statement, parameters } of calls) {
    statement?.run(parameters);
  }
  const took = performance.now() - start;
  sqlite.execute('ROLLBACK');
  return (took * 1000) / TIMES;
}

/** The same. Its transaction fails at its end, so that the next run finds what this one found. */
async function runEngine(engine: SqliteEngine, write: Series): Promise<number> {
  let took = 0;
  function* groups() {
    const start = performance.now();
    yield Array.from({ length: TIMES }, (_, n) => write(n));
    took = performance.now() - start;
    throw new Error('rolled back on purpose');
  }
  await engine.transaction(groups(), false).catch(() => undefined);
  return (took * 1000) / TIMES;
}

async function measureReads(sqlite: Sqlite, db: Reader, id: ReturnType<typeof toId.build>): Promise<Row> {
  const seen: Sql[] = [];
  const spy = new Reader({
    lastId: () => Promise.resolve(0),
    async read(query) {
      seen.push(query);
      return [];
    },
  });
  await atomsOfSubjob(spy, id, subjob);
  const [query] = seen;
  if (query === undefined) {
    throw new Error('The atoms of a subjob are not read by a query.');
  }
  const { text, parameters } = compile(query, sqliteDialect);
  const statement = sqlite.prepare(text);
  const runs = { driver: [] as number[], engine: [] as number[] };
  for (let turn = 0; turn <= options.rounds; turn += 1) {
    const byDriver = () => {
      const start = performance.now();
      for (let n = 0; n < TIMES; n += 1) {
        statement.all(parameters);
      }
      return ((performance.now() - start) * 1000) / TIMES;
    };
    const byEngine = async () => {
      const start = performance.now();
      for (let n = 0; n < TIMES; n += 1) {
        await atomsOfSubjob(db, id, subjob);
      }
      return ((performance.now() - start) * 1000) / TIMES;
    };
    runs.driver.push(await medianOf(byDriver));
    runs.engine.push(await medianOf(byEngine));
  }
  return rowOf(`read the ${NUM_ATOMS} atoms of a subjob`, runs);
}

/** Without the first round, in which the program is compiled. */
function rowOf(name: string, runs: { readonly driver: number[]; readonly engine: number[] }): Row {
  const driver = median(runs.driver.slice(1));
  const engine = median(runs.engine.slice(1));
  return {
    statement: name,
    'driver alone, µs': round(driver, 1),
    'engine, µs': round(engine, 1),
    'above the driver, µs': round(engine - driver, 1),
  };
}

const report = new Report('statements', options);
await inWorkplace('statements', async ({ home }) => {
  report.table('Each statement of a hand-out and a result, median of the rounds', await measure(home));
});
report.end();
