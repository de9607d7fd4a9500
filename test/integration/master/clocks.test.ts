import { expect } from 'chai';
import { directoryBuild, LEASE_SECONDS, MasterHarness } from '../../support/master-harness.js';

const HOUR_MS = 3_600_000;

describe('a master whose clock is set or whose process is stopped', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  for (const [way, step] of [
    ['forward', HOUR_MS],
    ['back', -HOUR_MS],
  ] as const) {
    it(`loses no slave and ends no build when the clock is set ${way} by an hour, and still notices one that vanishes`, async () => {
      const { master, clock } = harness;
      const build = await master.createBuild(directoryBuild);
      const slave = await harness.slave();
      await slave.prepare(1, { build_timeout: '30m' });
      const assignment = await slave.take();
      clock.set(clock.now() + step);
      await harness.advance(1_000);
      await harness.advance(1_000);
      await slave.ask();
      await slave.deliver(assignment);
      expect(await master.getBuild(build)).to.include({ status: 'SUCCESS' });
      await harness.loseOthers();
      expect((await master.getSlave(slave.id)).state).to.equal('GONE');
    });
  }

  it('does not count the time in which it was stopped against its slaves', async () => {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(1);
    const assignment = await slave.take();
    for (let stop = 0; stop < 3; stop += 1) {
      await harness.advance(10 * LEASE_SECONDS * 1000);
      await harness.advance(1_000);
      expect((await master.getSlave(slave.id)).state).to.equal('CONNECTED');
      await slave.ask({ free_executors: 0 });
    }
    await slave.deliver(assignment);
    expect(await master.getBuild(build)).to.include({ status: 'SUCCESS' });
  });
});
