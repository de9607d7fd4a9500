import { expect } from 'chai';
import { directoryBuild, isRun, MasterHarness } from '../../support/master-harness.js';

const page = { offset: 0, limit: 10 };

describe('an atom that is run again', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  it('makes a build a success when it passes then, and counts as flaky', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const [one, two] = [await harness.slave(), await harness.slave()];
    await one.prepare(2, { retries: 1 });
    const first = await one.take();
    await one.deliver(first, { failing: [0] });
    expect(await harness.master.getBuild(build)).to.include({
      state: 'BUILDING',
      num_subjobs: 3,
      num_atoms_done: 1,
      num_atoms_failed: 0,
    });
    const { atoms } = await harness.master.listAtoms(build, null, page);
    expect(atoms[0]).to.include({
      state: 'COMPLETED',
      outcome: null,
      exit_code: 1,
      num_retries: 1,
      subjob_id: 2,
    });
    expect((await one.take()).subjob_id).to.equal(1);
    const again = await two.take();
    expect([again.subjob_id, again.atoms.map(({ id }) => id)]).to.deep.equal([2, [0]]);
    await two.deliver(again);
    await harness.restart();
    one.leases.clear();
    await one.ask({ free_executors: 0 });
    await one.runAll();
    const ended = await harness.master.getBuild(build);
    expect(ended).to.include({
      status: 'SUCCESS',
      num_atoms_done: 2,
      num_atoms_failed: 0,
      num_atoms_flaky: 1,
    });
    expect(ended.failed_atoms).to.deep.equal([]);
    expect(ended.flaky_atoms?.map(({ id, subjob_id }) => [id, subjob_id])).to.deep.equal([[0, 0]]);
    const contents = await harness.master.archiveContents(build);
    expect(contents?.files).to.have.length(3);
    expect(contents?.failedFolders).to.deep.equal([]);
  });

  it('stands in the order of atoms in every list, in whatever order atoms failed and ran again', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const [one, two] = [await harness.slave(6), await harness.slave()];
    await one.prepare(6, { retries: 1 });
    // The last atoms fail first, and each runs again before the next ones fail.
    const held = (await one.ask()).assignments.filter(isRun).reverse();
    for (const assignment of held) {
      await one.deliver(assignment, { failing: assignment.atoms.map(({ id }) => id) });
      const again = await two.take();
      await two.deliver(again, {
        failing: again.atoms.map(({ id }) => id).filter((id) => id % 2 === 0),
      });
    }
    const ended = await harness.master.getBuild(build);
    const { atoms } = await harness.master.listAtoms(build, null, page);
    const ids = (list: readonly { readonly id: number }[] | null) => list?.map(({ id }) => id);
    expect(ids(atoms)).to.deep.equal([0, 1, 2, 3, 4, 5]);
    expect(ids(ended.failed_atoms)).to.deep.equal([0, 2, 4]);
    expect(ids(ended.flaky_atoms)).to.deep.equal([1, 3, 5]);
    const folders = ended.failed_atoms?.map(({ id, subjob_id: subjob }) => `artifact_${subjob}_${id}`);
    expect((await harness.master.archiveContents(build))?.failedFolders).to.deep.equal(folders);
  });

  it('fails when it has failed as often as it may', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(1, { retries: 2 });
    expect(await slave.runAll({ failing: [0] })).to.equal(3);
    const ended = await harness.master.getBuild(build);
    expect(ended).to.include({ status: 'FAILURE', num_subjobs: 3, num_atoms_failed: 1, num_atoms_flaky: 0 });
    expect((await harness.master.archiveContents(build))?.failedFolders).to.deep.equal(['artifact_2_0']);
  });

  it('counts towards the limit of the build, also after a restart', async () => {
    const build = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(4, { retries: 1, max_retries: 2 });
    const everything = { failing: [0, 1, 2, 3] };
    await slave.deliver(await slave.take(), everything);
    await harness.restart();
    await slave.runAll(everything);
    const ended = await harness.master.getBuild(build);
    expect(ended).to.include({ status: 'FAILURE', num_atoms_done: 4, num_atoms_failed: 4, num_subjobs: 6 });
  });
});
