import { expect } from 'chai';
import { directoryBuild, MasterHarness, refused } from '../../support/master-harness.js';
import { until } from '../../support/until.js';

describe('a build with a build_timeout', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  async function stateOf(build: Parameters<MasterHarness['master']['getBuild']>[0]) {
    return (await harness.master.getBuild(build)).state;
  }

  it('ends when it takes too long, keeps its verdicts, and cancels what runs', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave(2);
    await slave.prepare(3, { build_timeout: '1m' });
    const [first, second] = [await slave.take(), await slave.take().catch(() => null)];
    await slave.deliver(first, { failing: [0] });
    const running = second ?? (await slave.take());
    for (let n = 0; n < 6; n += 1) {
      await harness.advance(9_999);
      await slave.ask({ free_executors: 0 });
    }
    expect(await stateOf(build)).to.equal('BUILDING');
    await harness.advance(1_001);
    await until(async () => (await stateOf(build)) === 'CANCELED');
    const ended = await harness.master.getBuild(build);
    expect(ended).to.include({
      status: 'FAILURE',
      result: 'FAILURE',
      num_atoms_done: 1,
      num_atoms_failed: 1,
    });
    expect(ended.error_message).to.equal(
      'The build took longer than its build_timeout (60 s) and was ended.',
    );
    expect(ended.failed_atoms).to.have.length(1);
    await refused(slave.deliver(running), 'STALE_LEASE');
  });

  it('keeps its elapsed time through a restart of the master', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(1, { build_timeout: 100 });
    await harness.advance(99_000);
    await harness.restart();
    expect(await stateOf(build)).to.equal('BUILDING');
    await harness.advance(1_000);
    await until(async () => (await stateOf(build)) === 'CANCELED');
  });
});
