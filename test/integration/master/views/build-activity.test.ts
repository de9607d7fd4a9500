import { expect } from 'chai';
import { type Activity, MAX_FAILURES_KEPT, MAX_NAME_SHOWN } from '../../../../src/protocol/build/activity.js';
import type { Build } from '../../../../src/protocol/build/build.js';
import type { AtomId, BuildId } from '../../../../src/protocol/ids.js';
import type { RunAssignment } from '../../../../src/protocol/slave/slave-messages.js';
import { directoryBuild, MasterHarness, type TestSlave } from '../../../support/master-harness.js';

describe('the activity of a build', () => {
  let harness: MasterHarness;
  let build: BuildId;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
    build = await harness.master.createBuild(directoryBuild);
  });
  afterEach(() => harness.close());

  const get = (): Promise<Build> => harness.master.getBuild(build);

  async function activity(): Promise<Activity> {
    const { activity: shown } = await get();
    if (shown === null || shown === undefined) {
      throw new Error('The build shows no activity.');
    }
    return shown;
  }

  function tell(
    slave: TestSlave,
    { subjob_id, lease }: RunAssignment,
    id: AtomId | undefined,
    exit_code: number | null = null,
  ): Promise<void> {
    if (id === undefined) {
      throw new Error(`Subjob ${subjob_id} has no such atom.`);
    }
    const state = exit_code === null ? ('IN_PROGRESS' as const) : ('COMPLETED' as const);
    const actual_time = exit_code === null ? null : 12;
    return harness.master.reportProgress(slave.id, build, subjob_id, {
      lease,
      atoms: [{ id, state, exit_code, actual_time }],
      consoles: [],
    });
  }

  it('names the slave that prepares it, and since when', async () => {
    const slave = await harness.slave();
    await slave.takePreparation();
    await harness.advance(3000);
    expect(await activity()).to.deep.equal({
      running: [],
      setting_up: [{ slave: 'slave-1', seconds: 3 }],
      failures: { total: 0, latest: [] },
    });
  });

  it('names slaves that set it up until an atom runs there', async () => {
    const [one, two] = [await harness.slave(), await harness.slave()];
    await one.prepare(20);
    await one.take();
    await harness.advance(2000);
    const other = await two.take();
    await harness.advance(1000);
    expect((await activity()).setting_up).to.deep.equal([
      { slave: 'slave-1', seconds: 3 },
      { slave: 'slave-2', seconds: 1 },
    ]);
    await tell(two, other, other.atoms[0]?.id);
    expect((await activity()).setting_up.map(({ slave }) => slave)).to.deep.equal(['slave-1']);
  });

  it('names running atoms, longest first, also after a restart of the master', async () => {
    const [one, two] = [await harness.slave(), await harness.slave()];
    await one.prepare(20);
    const [first, second] = [await one.take(), await two.take()];
    await tell(two, second, second.atoms[0]?.id);
    await harness.advance(4000);
    await tell(one, first, first.atoms[0]?.id);
    await harness.advance(1000);
    const running = [
      {
        atom_id: second.atoms[0]?.id,
        name: second.atoms[0]?.value,
        slave: 'slave-2',
        seconds: 5,
      },
      { atom_id: first.atoms[0]?.id, name: first.atoms[0]?.value, slave: 'slave-1', seconds: 1 },
    ];
    expect((await activity()).running).to.deep.equal(running);
    await harness.restart();
    expect((await activity()).running).to.deep.equal(running);
  });

  it('reports each failure once, at its report or else with the result', async () => {
    const slave = await harness.slave();
    await slave.prepare(8);
    const run = await slave.take();
    const [reported, unreported] = run.atoms.map(({ id }) => id);
    await tell(slave, run, reported, 3);
    const { failures } = await activity();
    expect(failures).to.deep.equal({
      total: 1,
      latest: [
        {
          number: 1,
          atom_id: reported,
          name: run.atoms[0]?.value,
          outcome: 'FAILED',
          slave: 'slave-1',
          seconds: 12,
          exit_code: 3,
        },
      ],
    });
    expect(unreported).to.be.a('number');
    await slave.deliver(run, { failing: [reported ?? -1, unreported ?? -1] });
    const after = (await activity()).failures;
    expect(after.latest.map(({ number, atom_id }) => [number, atom_id])).to.deep.equal([
      [1, reported],
      [2, unreported],
    ]);
  });

  it('reports no failure of an atom that runs again before it has failed for good', async () => {
    const slave = await harness.slave();
    await slave.prepare(8, { retries: 1 });
    const run = await slave.take();
    const [atom] = run.atoms;
    const id = atom?.id ?? -1;
    await tell(slave, run, atom?.id, 1);
    await slave.deliver(run, { failing: [id] });
    // Keeps the build from ending.
    await slave.take();
    const other = await harness.slave();
    expect((await activity()).failures.total).to.equal(0);
    for (let total = 0; total === 0; total = (await activity()).failures.total) {
      await other.deliver(await other.take(), { failing: [id] });
    }
    expect((await activity()).failures.latest.map(({ atom_id }) => atom_id)).to.deep.equal([id]);
  });

  it('names lost atoms', async () => {
    const first = await harness.slave();
    await first.prepare(8);
    const lost = await first.take();
    await harness.loseOthers();
    for (let losses = 1; losses < 3; losses += 1) {
      const slave = await harness.slave();
      await slave.take();
      await harness.loseOthers();
    }
    const { total, latest } = (await activity()).failures;
    expect(total).to.equal(lost.atoms.length);
    expect(latest.map(({ name, outcome, slave }) => [name, outcome, slave])).to.deep.equal(
      lost.atoms.map(({ value }) => [value, 'LOST', null]),
    );
  });

  it('keeps only the latest failures, and their count after a restart of the master', async () => {
    const slave = await harness.slave();
    await slave.prepare(400);
    const all = Array.from({ length: 400 }, (_, id) => id);
    let happened = 0;
    while (happened <= MAX_FAILURES_KEPT) {
      const run = await slave.take();
      await slave.deliver(run, { failing: all });
      happened += run.atoms.length;
    }
    const { failures } = await activity();
    expect(failures.total).to.equal(happened);
    expect(failures.latest.map(({ number }) => number)).to.deep.equal(
      Array.from({ length: MAX_FAILURES_KEPT }, (_, n) => happened - MAX_FAILURES_KEPT + 1 + n),
    );
    await harness.restart();
    expect((await activity()).failures).to.deep.equal({ total: happened, latest: [] });
  });

  it('has names of bounded length', async () => {
    const slave = await harness.slave();
    const { build_id, lease } = await slave.takePreparation();
    await harness.master.reportPrepared(slave.id, build_id, {
      lease,
      job: { name: 'Simple', definition: { commands: ['true'], atomizers: [{ TOKEN: 'true' }] } },
      commit: null,
      atoms: [{ variable: 'TOKEN', value: 'x'.repeat(10_000) }],
    });
    slave.leases.clear();
    const run = await slave.take();
    await tell(slave, run, run.atoms[0]?.id);
    const [shown] = (await activity()).running;
    expect(shown?.name).to.equal(`${'x'.repeat(MAX_NAME_SHOWN - 1)}…`);
  });

  it('is null for a build that has ended', async () => {
    await harness.master.cancelBuild(build);
    expect((await get()).activity).to.equal(null);
  });
});

describe('the busy executors of a build', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  it('are never more than exist, whatever a slave has asked for ahead', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave(2);
    await slave.prepare(40);
    const { assignments } = await slave.ask({ ahead: 2 });
    expect(assignments.length).to.be.greaterThan(2);
    expect(await harness.master.getBuild(build)).to.include({ num_executors: 2 });
  });

  it('make an estimate of the remaining time possible when three atoms have ended', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(8);
    const left = async () => (await harness.master.getBuild(build)).seconds_left;
    let ended = 0;
    while (ended < 3) {
      expect(await left()).to.equal(null);
      const run = await slave.take();
      await slave.deliver(run, { seconds: 10 });
      ended += run.atoms.length;
    }
    await slave.take();
    expect(await left()).to.equal((8 - ended) * 10);
  });
});
