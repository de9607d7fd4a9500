import { join } from 'node:path';
import { expect } from 'chai';
import { Sqlite } from '../../../src/master/store/engine/sqlite.js';
import { PROTOCOL } from '../../../src/protocol/slave/protocol-version.js';
import { directoryBuild, MasterHarness, refused } from '../../support/master-harness.js';

const facts = {
  name: 'worker-7',
  instance: 'instance-of-another',
  num_executors: 1,
  url: null,
  version: '0.9.0',
};

describe('a slave of another version', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  it('is refused with both versions named when it is older, newer, or from before versions', async () => {
    const { master } = harness;
    expect(await refused(master.registerSlave(facts), 'PROTOCOL_MISMATCH')).to.match(
      /^The slave on worker-7 is older than this master: it speaks protocol 1 \(version 0\.9\.0\)/,
    );
    expect(
      await refused(master.registerSlave({ ...facts, protocol: PROTOCOL + 1 }), 'PROTOCOL_MISMATCH'),
    ).to.match(/^The slave on worker-7 is newer than this master/);
    expect((await master.listSlaves({ offset: 0, limit: 10 })).slaves).to.deep.equal([]);
  });

  it('that was connected before the master was updated returns its work without blame, and has to register again', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const old = await harness.slave();
    await old.prepare(1);
    const assignment = await old.take();
    await harness.master.close();
    const db = new Sqlite(join(harness.directory, 'master.db'));
    db.execute(`UPDATE slaves SET protocol = 1; UPDATE leases SET token = ''`);
    db.close();
    await harness.start();
    await refused(old.ask(), 'SLAVE_UNKNOWN');
    await refused(old.deliver(assignment), 'SLAVE_UNKNOWN');
    const updated = await harness.slave();
    expect(await updated.runAll()).to.equal(1);
    expect(await harness.master.getBuild(build)).to.include({ status: 'SUCCESS', num_atoms_failed: 0 });
  });
});
