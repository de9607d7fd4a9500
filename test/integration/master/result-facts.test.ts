import { expect } from 'chai';
import { directoryBuild, MasterHarness } from '../../support/master-harness.js';

const page = { offset: 0, limit: 10 };
const tests = { tests: 5, failures: 1, errors: 0, skipped: 2 };
const facts = { tests, num_bad_reports: 1, num_left_out: 3 };

describe('the facts of results', () => {
  let harness: MasterHarness;
  beforeEach(() => {
    harness = new MasterHarness();
  });
  afterEach(() => harness.close());

  it('are shown for each atom, and summed for the build, also after a restart', async () => {
    await harness.start();
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(3);
    await slave.deliver(await slave.take(), { facts });
    await harness.restart();
    await slave.deliver(await slave.take(), { facts: { tests: null, num_bad_reports: 0, num_left_out: 4 } });
    expect(await harness.master.getBuild(build)).to.deep.include({
      tests,
      num_bad_reports: 1,
      num_left_out: 7,
    });
    await slave.deliver(await slave.take());
    expect(await harness.master.getBuild(build)).to.deep.include({
      status: 'SUCCESS',
      tests,
      num_bad_reports: 1,
      num_left_out: 7,
    });
    const { atoms } = await harness.master.listAtoms(build, null, page);
    expect(atoms.map((atom) => [atom.tests, atom.num_left_out])).to.deep.equal([
      [tests, 3],
      [null, 4],
      [null, 0],
    ]);
  });

  it('count only the last run of an atom that ran again', async () => {
    await harness.start();
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(1, { retries: 1 });
    await slave.deliver(await slave.take(), { failing: [0], facts });
    expect(await harness.master.getBuild(build)).to.include({
      state: 'BUILDING',
      tests: null,
      num_left_out: 0,
    });
    await harness.restart();
    const passed = {
      tests: { tests: 5, failures: 0, errors: 0, skipped: 0 },
      num_bad_reports: 0,
      num_left_out: 0,
    };
    await slave.deliver(await slave.take(), { facts: passed });
    expect(await harness.master.getBuild(build)).to.deep.include({ status: 'SUCCESS', ...passed });
  });

  it('include no files once the results of a build have reached their limit', async () => {
    harness.settings.resultsMaxBytesPerBuild = 10;
    await harness.start();
    await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(3);
    const first = await slave.take();
    expect(first.limits.subjob_bytes).to.be.greaterThan(0);
    await slave.deliver(first, { content: '12345' });
    const second = await slave.take();
    expect(second.limits.subjob_bytes).to.be.greaterThan(0);
    await slave.deliver(second, { content: '1234567' });
    await harness.restart();
    expect((await slave.take()).limits.subjob_bytes).to.equal(0);
  });
});
