import { expect } from 'chai';
import { toId } from '../../../../src/protocol/ids.js';
import { directoryBuild, MasterHarness, refused } from '../../../support/master-harness.js';
import { subjobArchive } from '../../../support/subjob-archive.js';

describe('the archives of a subjob', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  it('can be read while the build runs, as soon as they have arrived', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(8);
    const first = await slave.take();
    const before = await harness.master.archivesOfSubjob(build, first.subjob_id);
    expect(before).to.deep.equal({ files: [], isOver: false });
    await slave.deliver(first, { content: await subjobArchive({ 'artifact_0_0/report.txt': 'so far' }) });
    const after = await harness.master.archivesOfSubjob(build, first.subjob_id);
    expect(after.files).to.have.length(1);
    expect(after.isOver).to.equal(false);
    await slave.runAll({ content: await subjobArchive({}) });
    const contents = await harness.master.archiveContents(build);
    const ended = await harness.master.archivesOfSubjob(build, first.subjob_id);
    expect(ended.isOver).to.equal(true);
    expect(contents?.files).to.include.members([...ended.files]);
  });

  it('have what the master has kept of a slave that was lost, when the build has ended', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(1);
    const { subjob_id, lease } = await slave.take();
    await harness.master.reportProgress(slave.id, build, subjob_id, {
      lease,
      atoms: [{ id: toId.atom(0), state: 'COMPLETED', exit_code: 3, actual_time: 1 }],
      consoles: [],
    });
    await harness.master.cancelBuild(build);
    const { files, isOver } = await harness.master.archivesOfSubjob(build, subjob_id);
    expect(isOver).to.equal(true);
    expect(files).to.have.length(1);
    expect(files[0]).to.match(/\.kept\.tar\.gz$/);
  });

  it('do not exist for a build that does not exist', async () => {
    await refused(harness.master.archivesOfSubjob(toId.build(9), toId.subjob(0)), 'NOT_FOUND');
  });
});
