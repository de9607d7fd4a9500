import { expect } from 'chai';
import { directoryBuild, MasterHarness } from '../../support/master-harness.js';
import { type ServedHarness, serveHarness } from '../../support/served-master.js';

describe('a list of the API about now', () => {
  let harness: MasterHarness;
  let served: ServedHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
    served = await serveHarness(harness);
  });
  afterEach(async () => {
    await served.close();
    await harness.close();
  });

  const queue = async () => {
    const { builds, waiting } = await served.client.listUnfinished({ order: 'next' });
    const places = (waiting?.builds ?? []).map(({ build_id, place, reasons: [first] }) => ({
      build: Number(build_id),
      place,
      reason: first?.reason,
    }));
    expect(builds.map(({ id }) => Number(id))).to.deep.equal(places.map(({ build }) => build));
    return places;
  };

  it('has the builds in the order in which they get executors, with the reason', async () => {
    const slave = await harness.slave(1);
    await harness.master.createBuild(directoryBuild);
    await slave.prepare(1);
    await slave.take();
    await harness.master.createBuild(directoryBuild);
    await harness.master.createBuild({ ...directoryBuild, priority: 2 });
    expect(await queue()).to.deep.equal([
      { build: 3, place: 1, reason: 'EXECUTORS_BUSY' },
      { build: 2, place: 2, reason: 'EXECUTORS_BUSY' },
      { build: 1, place: null, reason: 'RUNNING' },
    ]);
  });

  it('has the oldest builds first, without reasons, unless the order is given', async () => {
    await harness.master.createBuild(directoryBuild);
    await harness.master.createBuild({ ...directoryBuild, priority: 2 });
    const { builds, waiting } = await served.client.listUnfinished({});
    expect(builds.map(({ id }) => Number(id))).to.deep.equal([1, 2]);
    expect(waiting).to.equal(undefined);
  });

  it('has what the executors of each slave work on, and since when', async () => {
    const slave = await harness.slave(2);
    const connected = harness.clock.now() / 1000;
    await harness.master.createBuild(directoryBuild);
    await slave.takePreparation();
    harness.clock.advance(5000);
    const { slaves } = await served.client.listSlaves({});
    expect(slaves[0]).to.deep.include({
      connected_since: connected,
      work: [{ build_id: 1, subjob_id: null, atom_id: null, since: connected }],
    });
  });

  it('has the slaves that match, and the number of slaves in each state', async () => {
    await harness.slave(1, 'instance', 'first');
    const second = await harness.slave(1, 'instance', 'second');
    await harness.slave(1, 'instance', 'other');
    await second.ask({ paused: 'The disk is full.' });
    const found = async (query: Parameters<typeof served.client.listSlaves>[0]) => {
      const { slaves, total } = await served.client.listSlaves(query);
      return { names: slaves.map(({ name }) => name), total };
    };
    expect(await found({ sort: 'trouble_first' })).to.deep.equal({
      names: ['second', 'first', 'other'],
      total: 3,
    });
    expect(await found({ q: 'DISK' })).to.deep.equal({ names: ['second'], total: 1 });
    expect(await found({ state: 'CONNECTED,GONE', limit: 1 })).to.deep.equal({ names: ['first'], total: 2 });
    const { num_in_state } = await served.client.listSlaves({ state: 'GONE' });
    expect(num_in_state).to.deep.equal({ CONNECTED: 2, SUSPECT: 0, SICK: 1, DRAINING: 0, GONE: 0 });
  });
});
