import { expect } from 'chai';
import type { BuildId } from '../../../src/protocol/ids.js';
import { directoryBuild, MasterHarness, type TestSlave } from '../../support/master-harness.js';

describe('a build that is expensive to set up', () => {
  let harness: MasterHarness;
  let build: BuildId;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  /** Two of ten atoms are done; two slaves needed about ten minutes before their first one ran. */
  async function setUp(secondsOfAtom: number): Promise<readonly [TestSlave, TestSlave]> {
    const [one, two] = [await harness.slave(), await harness.slave()];
    await harness.master.createBuild(directoryBuild);
    await one.prepare(10);
    await one.runAll({ seconds: secondsOfAtom });
    build = await harness.master.createBuild(directoryBuild);
    await one.prepare(10);
    const taken = [await one.take(), await two.take()];
    for (let seconds = 0; seconds < 600; seconds += 10) {
      harness.clock.advance(10_000);
      await one.ask({ free_executors: 0 });
      await two.ask({ free_executors: 0 });
    }
    for (const [n, slave] of [one, two].entries()) {
      const assignment = taken[n];
      if (assignment !== undefined) {
        await slave.deliver(assignment, { seconds: secondsOfAtom });
      }
    }
    return [one, two];
  }

  it('does not start on a slave that would be ready only when the rest is done, and says so', async () => {
    const [one, two] = await setUp(3);
    await one.take();
    await two.take();
    const late = await harness.slave();
    expect((await late.ask()).assignments).to.deep.equal([]);
    const { reasons } = await harness.master.explain(build);
    expect(reasons.map(({ reason }) => reason)).to.deep.equal(['RUNNING', 'SETUP_COST']);
  });

  it('starts on one more slave when the rest takes longer', async () => {
    const [one, two] = await setUp(300);
    await one.take();
    await two.take();
    expect((await (await harness.slave()).ask()).assignments).to.have.length(1);
  });

  it('starts anywhere when nobody works on it', async () => {
    await setUp(3);
    expect((await (await harness.slave()).ask()).assignments).to.have.length(1);
  });
});
