import { expect } from 'chai';
import { directoryBuild, MasterHarness, refused } from '../../support/master-harness.js';

describe('a master whose disk is nearly full', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  it('takes no builds and no results, hands out no work, and continues when there is space', async () => {
    const { master } = harness;
    const build = await master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(2);
    const { subjob_id, lease, ...rest } = await slave.take();

    harness.freeBytes = 5 * 1024 ** 2;
    await harness.advance(1_000);
    const sentence = await refused(master.createBuild(directoryBuild), 'UNAVAILABLE');
    expect(sentence).to.match(/^Only 5 MiB are free .* make room there, at least 128 MiB, and it goes on\.$/);
    expect(() => master.checkResultLease(slave.id, build, subjob_id, lease)).to.throw('Only 5 MiB');
    const other = await harness.slave();
    expect((await other.ask()).assignments).to.deep.equal([]);

    expect((await master.explain(build)).reasons[0]).to.deep.equal({ reason: 'DISK_FULL', text: sentence });

    harness.freeBytes = 10 ** 12;
    await harness.advance(1_000);
    await slave.deliver({ subjob_id, lease, ...rest });
    await other.runAll();
    expect((await master.getBuild(build)).status).to.equal('SUCCESS');
  });
});
