import { expect } from 'chai';
import type { BuildId } from '../../../src/protocol/ids.js';
import { PROTOCOL } from '../../../src/protocol/slave/protocol-version.js';
import { directoryBuild, MasterHarness, type TestSlave } from '../../support/master-harness.js';

describe('a slave with repeated failures', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  async function failSetup(slave: TestSlave, build: BuildId): Promise<void> {
    const { lease, subjob_id } = await slave.take();
    slave.leases.clear();
    const handback = { lease, reason: 'setup_failed', output: 'no make' } as const;
    await harness.master.returnLease(slave.id, build, subjob_id, handback);
  }

  /** A build that fails on `bad` and passes on `good`. */
  async function failOnce(bad: TestSlave, good: TestSlave): Promise<void> {
    const build = await harness.master.createBuild(directoryBuild);
    await good.prepare(1);
    await failSetup(bad, build);
    await good.runAll();
    expect((await harness.master.getBuild(build)).status).to.equal('SUCCESS');
  }

  it('gets no work after three builds in a row, until its quarantine is over', async () => {
    const [bad, good] = [await harness.slave(), await harness.slave()];
    for (let n = 0; n < 3; n += 1) {
      expect(await harness.master.getSlave(bad.id)).to.include({ state: 'CONNECTED', reason: null });
      await failOnce(bad, good);
    }
    const sick = await harness.master.getSlave(bad.id);
    expect(sick.state).to.equal('SICK');
    expect(sick.reason).to.contain('3 times in a row').and.to.contain('setup_build failed');
    const events = await harness.master.listEvents({ id: 0, timestamp: 0, limit: 1000 });
    expect(events.filter(({ tag }) => tag === 'SLAVE_SICK')).to.have.length(1);

    const build = await harness.master.createBuild(directoryBuild);
    expect((await bad.ask()).assignments).to.deep.equal([]);
    await good.prepare(1);
    expect((await bad.ask()).assignments).to.deep.equal([]);
    await harness.master.goodbyeSlave(good.id);
    expect((await harness.master.explain(build)).reasons[0]?.text).to.contain(
      'is SICK, SUSPECT or being drained',
    );

    for (let step = 0; step < 16; step += 1) {
      harness.clock.advance(19_000);
      await bad.ask({ free_executors: 0 });
    }
    expect((await harness.master.getSlave(bad.id)).state).to.equal('CONNECTED');
    await bad.runAll();
    expect((await harness.master.getBuild(build)).status).to.equal('SUCCESS');
  });

  it('is healthy again after a result', async () => {
    const [bad, good] = [await harness.slave(), await harness.slave()];
    await failOnce(bad, good);
    await failOnce(bad, good);
    await harness.master.createBuild(directoryBuild);
    await bad.prepare(1);
    await bad.runAll();
    await failOnce(bad, good);
    expect((await harness.master.getSlave(bad.id)).state).to.equal('CONNECTED');
  });

  it('gets work again when it registers again', async () => {
    const [bad, good] = [await harness.slave(), await harness.slave()];
    for (let n = 0; n < 3; n += 1) {
      await failOnce(bad, good);
    }
    const facts = {
      name: 'slave-1',
      instance: 'instance-1',
      num_executors: 1,
      url: null,
      version: '1.0.0',
      protocol: PROTOCOL,
    };
    await harness.master.registerSlave(facts);
    expect((await harness.master.getSlave(bad.id)).state).to.equal('CONNECTED');
    await failOnce(bad, good);
    expect((await harness.master.getSlave(bad.id)).state).to.equal('SICK');
  });

  it('is not blamed for builds that nobody can run', async () => {
    const slaves = [await harness.slave(), await harness.slave()];
    for (let n = 0; n < 4; n += 1) {
      const build = await harness.master.createBuild(directoryBuild);
      await slaves[0]?.prepare(1);
      for (const slave of slaves) {
        await failSetup(slave, build);
      }
      expect((await harness.master.getBuild(build)).state).to.equal('ERROR');
    }
    for (const { id } of slaves) {
      expect((await harness.master.getSlave(id)).state).to.equal('CONNECTED');
    }
  });

  it('ends a build whose setup failed on five slaves, with its output, though there are more slaves', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slaves = await Promise.all(Array.from({ length: 7 }, () => harness.slave()));
    await slaves[0]?.prepare(7);
    for (const [n, slave] of slaves.slice(0, 5).entries()) {
      expect((await harness.master.getBuild(build)).state, `after ${n}`).to.equal('BUILDING');
      await failSetup(slave, build);
    }
    const { state, error_message } = await harness.master.getBuild(build);
    expect(state).to.equal('ERROR');
    expect(error_message).to.contain('setup_build failed on slave-').and.to.contain('no make');
  });

  it('is shown with its free disk space, and with its reason to take no work', async () => {
    const slave = await harness.slave();
    await slave.ask({ free_executors: 0, free_disk_bytes: 5, paused: 'The disk is full.' });
    expect(await harness.master.getSlave(slave.id)).to.include({
      state: 'SICK',
      reason: 'The disk is full.',
      free_disk_bytes: 5,
    });
    await slave.ask({ free_disk_bytes: 10 ** 12 });
    expect(await harness.master.getSlave(slave.id)).to.include({ state: 'CONNECTED', reason: null });
  });
});
