import { expect } from 'chai';
import { directoryBuild, MasterHarness, type TestSlave } from '../../../support/master-harness.js';
import { until } from '../../../support/until.js';

describe('the utilization of the executors', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  const minutes = async () => (await harness.master.utilization(24)).at.length;

  /** Lets so many minutes pass, in which the slave keeps in touch, and waits until the last one is stored. */
  async function pass(count: number, slave: TestSlave): Promise<void> {
    for (let step = 0; step < count * 6; step += 1) {
      await slave.ask({ free_executors: 0 });
      await harness.advance(10_000);
    }
    const last = Math.floor(harness.clock.now() / 60_000) - 1;
    await until(async () => (await harness.master.utilization(24)).at.includes(last * 60));
  }

  it('is the average of each minute', async () => {
    const slave = await harness.slave(4);
    await harness.master.createBuild(directoryBuild);
    await slave.prepare(2);
    await slave.take();
    await pass(3, slave);
    const { at, num_executors, num_executors_busy, num_waiting } = await harness.master.utilization(24);
    expect(at.slice(1).map((time, index) => time - (at[index] ?? 0))).to.deep.equal(
      at.slice(1).map(() => 60),
    );
    expect(num_executors.at(-1)).to.equal(4);
    expect(num_executors_busy.at(-1)).to.be.within(1, 2);
    expect(num_waiting).to.have.length(at.length);
  });

  it('survives a restart of the master', async () => {
    const slave = await harness.slave(4);
    await pass(2, slave);
    const before = await harness.master.utilization(24);
    await harness.restart();
    const after = await harness.master.utilization(24);
    expect(after.at.slice(0, before.at.length)).to.deep.equal(before.at);
  });

  it('is given for the last hours alone', async () => {
    const slave = await harness.slave(4);
    await pass(1, slave);
    harness.clock.set(harness.clock.now() + 2 * 3_600_000);
    await pass(1, slave);
    expect((await harness.master.utilization(1)).at.length).to.be.below(await minutes());
  });

  it('is forgotten after a day, also where the clock was set forward and back', async () => {
    const slave = await harness.slave(4);
    const begin = harness.clock.now();
    await pass(1, slave);
    harness.clock.set(begin + 25 * 3_600_000);
    await pass(2, slave);
    const { at } = await harness.master.utilization(24);
    expect(Math.min(...at)).to.be.above(begin / 1000 + 3600);
    harness.clock.set(begin + 20 * 3_600_000);
    await pass(2, slave);
    expect(Math.max(...(await harness.master.utilization(24)).at)).to.be.below(begin / 1000 + 21 * 3600);
  });
});
