import { join } from 'node:path';
import { expect } from 'chai';
import { integer, nullable, real } from '../../../src/master/store/engine/columns.js';
import { sql } from '../../../src/master/store/engine/sql.js';
import { openStore } from '../../../src/master/store/engine/store.js';
import { retriedRuns } from '../../../src/master/store/tables.js';
import type { BuildId } from '../../../src/protocol/ids.js';
import type { Progress, RunAssignment } from '../../../src/protocol/slave/slave-messages.js';
import { directoryBuild, MasterHarness, type TestSlave } from '../../support/master-harness.js';

const BEGIN = 1_700_000_000;
const page = { offset: 0, limit: 10 };
const storedLease = {
  slave_executor: nullable(integer),
  setup_began_at: nullable(integer),
  setup_seconds: nullable(real),
};

describe('the start time of an atom', () => {
  let harness: MasterHarness;
  let build: BuildId;
  let slave: TestSlave;
  beforeEach(async () => {
    harness = new MasterHarness(BEGIN * 1000);
    await harness.start();
    build = await harness.master.createBuild(directoryBuild);
    slave = await harness.slave();
  });
  afterEach(() => harness.close());

  /** One subjob of so many atoms. */
  async function takeAfter(seconds: number, atoms = 1, extra = {}): Promise<RunAssignment> {
    await slave.prepare(atoms, { ...extra });
    await harness.advance(seconds * 1000);
    await slave.ask({ free_executors: 0 });
    return slave.take();
  }

  const startTimes = async () =>
    (await harness.master.listAtoms(build, null, page)).atoms.map(({ started_at }) =>
      started_at === null ? null : started_at - BEGIN,
    );
  const report = (
    by: TestSlave,
    { subjob_id, lease, atoms }: RunAssignment,
    progress: Partial<Progress['atoms'][number]>,
    executor_index = 0,
  ) =>
    harness.master.reportProgress(by.id, build, subjob_id, {
      lease,
      atoms: atoms.map(({ id }) => ({
        id,
        state: 'IN_PROGRESS',
        exit_code: null,
        actual_time: null,
        ...progress,
      })),
      consoles: [],
      executor_index,
    });

  /** Reads the store while the master is closed. */
  async function stored<T>(
    read: (db: Awaited<ReturnType<typeof openStore>>['db']) => Promise<T>,
  ): Promise<T> {
    await harness.master.close();
    const store = await openStore(join(harness.directory, 'master.db'));
    const found = await read(store.db);
    await store.close();
    await harness.start();
    return found;
  }
  const retriedSeconds = () =>
    stored(async (db) =>
      (await db.all(sql`SELECT retried_seconds FROM atoms ORDER BY atom_id`, { retried_seconds: real })).map(
        (row) => row.retried_seconds,
      ),
    );

  it('is the time of its lease and the time that its slave measured from then on', async () => {
    const assignment = await takeAfter(10, 2);
    expect(assignment.takes).to.include('times');
    await harness.advance(5_000);
    expect(await startTimes()).to.deep.equal([null, null]);
    await slave.deliver(assignment, { began: 1.25, seconds: 2 });
    expect(await startTimes()).to.deep.equal([11.25, null]);
  });

  it('is known of running and reported atoms before their results', async () => {
    const assignment = await takeAfter(0);
    await harness.advance(5_000);
    await report(slave, assignment, { began: 3.5 });
    expect(await startTimes()).to.deep.equal([3.5]);
    const { activity } = await harness.master.getBuild(build);
    expect(activity?.running[0]?.seconds).to.equal(1.5);
    await report(slave, assignment, { state: 'COMPLETED', exit_code: 0, actual_time: 1, began: 3.5 });
    expect(await startTimes()).to.deep.equal([3.5]);
  });

  it('is that of the report that it runs, if its slave measures no times', async () => {
    const assignment = await takeAfter(0);
    await harness.advance(5_000);
    await report(slave, assignment, {});
    await harness.advance(1_000);
    expect(await startTimes()).to.deep.equal([5]);
    await slave.deliver(assignment);
    expect(await startTimes()).to.deep.equal([5]);
  });

  it('is unknown if a slave that measures no times reports nothing but its end', async () => {
    await slave.deliver(await takeAfter(0));
    expect(await startTimes()).to.deep.equal([null]);
  });

  it('does not change when its result is delivered again', async () => {
    const assignment = await takeAfter(0);
    await harness.advance(3_000);
    await slave.deliver(assignment, { began: 1 });
    await slave.deliver(assignment, { began: 2 });
    await harness.restart();
    await slave.deliver(assignment, { began: 2 });
    expect(await startTimes()).to.deep.equal([1]);
  });

  it('counts from the time of the lease also after restarts of the master', async () => {
    const assignment = await takeAfter(10);
    await harness.advance(3_000);
    await harness.restart();
    await slave.deliver(assignment, { began: 2 });
    expect(await startTimes()).to.deep.equal([12]);
  });

  it('is not later than its report, also when the clock was set back meanwhile', async () => {
    const assignment = await takeAfter(10);
    harness.clock.set((BEGIN - 3600) * 1000);
    await slave.deliver(assignment, { began: 2 });
    expect(await startTimes()).to.deep.equal([-3600]);
  });

  it('is that of its last run, beside the seconds of the failed runs before', async () => {
    await slave.deliver(await takeAfter(0, 1, { retries: 2 }), { began: 0, seconds: 4, failing: [0] });
    await harness.advance(10_000);
    await slave.ask({ free_executors: 0 });
    await slave.deliver(await slave.take(), { began: 0, seconds: 3, failing: [0] });
    expect(await startTimes()).to.deep.equal([10]);
    await harness.advance(10_000);
    await slave.ask({ free_executors: 0 });
    const last = await slave.take();
    await harness.advance(3_000);
    await slave.deliver(last, { began: 1, seconds: 2 });
    expect(await startTimes()).to.deep.equal([21]);
    expect(await retriedSeconds()).to.deep.equal([7]);
    const runs = await stored((db) => db.all(sql`SELECT * FROM retried_runs ORDER BY run`, retriedRuns));
    expect(runs.map(({ run, started_at, actual_time }) => [run, started_at, actual_time])).to.deep.equal([
      [0, BEGIN * 1000, 4],
      [1, (BEGIN + 10) * 1000, 3],
    ]);
  });

  it('is that of the failed run, without lost seconds, if no slave runs it again to its end', async () => {
    await slave.deliver(await takeAfter(0, 1, { retries: 1 }), { began: 0, seconds: 4, failing: [0] });
    await harness.advance(6_000);
    await slave.ask({ free_executors: 0 });
    await report(slave, await slave.take(), { began: 0 });
    await harness.master.cancelBuild(build);
    await harness.advance(60_000);
    await harness.untilLoopsSleep();
    expect((await harness.master.getBuild(build)).state).to.equal('CANCELED');
    expect(await startTimes()).to.deep.equal([0]);
    expect(await retriedSeconds()).to.deep.equal([0]);
  });

  it('is not that of a run on a slave that was lost, once another slave has reported its end', async () => {
    await report(slave, await takeAfter(0), { began: 0 });
    const other = await harness.slave();
    await harness.loseOthers(other);
    await other.deliver(await other.take());
    expect(await startTimes()).to.deep.equal([null]);
    expect(await retriedSeconds()).to.deep.equal([0]);
  });

  it('is kept for an atom that the early end of its build cuts off', async () => {
    harness.settings.endGrace = 10;
    await harness.restart();
    const assignment = await takeAfter(0, 2);
    await harness.advance(5_000);
    const canceled = harness.master.cancelBuild(build);
    const unfinished = assignment.atoms.map(({ id }) => ({ id, ran_for: 3, began: 2 }));
    await slave.deliver(assignment, { unfinished });
    await canceled;
    expect(await startTimes()).to.deep.equal([2, null]);
  });

  it('comes with the executor and the time of the setup, which are kept with the lease', async () => {
    const assignment = await takeAfter(10);
    await harness.advance(60_000);
    await slave.deliver(assignment, { began: 43, setup: { began: 0.5, seconds: 42 } });
    const rows = await stored((db) =>
      db.all(sql`SELECT slave_executor, setup_began_at, setup_seconds FROM leases ORDER BY id`, storedLease),
    );
    expect(rows).to.deep.equal([
      { slave_executor: null, setup_began_at: null, setup_seconds: null },
      { slave_executor: 0, setup_began_at: (BEGIN + 10.5) * 1000, setup_seconds: 42 },
    ]);
  });

  it('comes with the executor of a lease that is lost too, if that was reported before', async () => {
    await report(slave, await takeAfter(0), { began: 0 }, 3);
    await harness.loseOthers();
    const rows = await stored((db) =>
      db.all(sql`SELECT slave_executor, setup_began_at, setup_seconds FROM leases ORDER BY id`, storedLease),
    );
    expect(rows[1]).to.include({ slave_executor: 3 });
  });
});
