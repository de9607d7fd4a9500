import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { toId } from '../../../../src/protocol/ids.js';
import { directoryBuild, MasterHarness, refused } from '../../../support/master-harness.js';
import { until } from '../../../support/until.js';

const staying = new AbortController().signal;

/** The number of transactions that the store has committed. */
async function commits(master: MasterHarness['master']): Promise<number> {
  return Number(
    /^clusterrunner_store_commit_duration_seconds_count (\d+)$/m.exec(await master.metrics())?.[1],
  );
}

describe('a build on the master', () => {
  let harness: MasterHarness;
  beforeEach(async () => {
    harness = new MasterHarness();
    await harness.start();
  });
  afterEach(() => harness.close());

  it('goes from its request through its preparation to success', async () => {
    const { master } = harness;
    const id = await master.createBuild(directoryBuild);
    expect(await master.getBuild(id)).to.include({
      status: 'BUILDING',
      state: 'QUEUED',
      result: null,
      failed_atoms: null,
      artifacts: null,
      num_atoms: null,
      num_subjobs: null,
    });
    const slave = await harness.slave();
    const preparation = await slave.takePreparation();
    expect(preparation).to.deep.include({
      build_id: id,
      project: { type: 'directory', project_directory: '/project' },
      job_name: 'Simple',
      config: null,
      atoms_override: null,
    });
    expect((await master.getBuild(id)).state).to.equal('PREPARING');
    await slave.reportPrepared(preparation, 4);
    expect(await master.getBuild(id)).to.include({
      state: 'BUILDING',
      num_atoms: 4,
      num_subjobs: 4,
      details: '0 of 4 subjobs are complete (0.0%).',
    });
    await slave.runAll();
    const build = await master.getBuild(id);
    expect(build).to.deep.include({
      status: 'SUCCESS',
      state: 'FINISHED',
      result: 'SUCCESS',
      details: '4 of 4 subjobs are complete (100.0%).',
      failed_atoms: [],
      artifacts: `/v1/build/${id}/artifacts.tar.gz`,
      num_atoms_done: 4,
      num_atoms_failed: 0,
      num_executors: 0,
      error_message: null,
    });
    expect(Object.keys(build.state_timestamps)).to.include.members([
      'QUEUED',
      'PREPARING',
      'BUILDING',
      'FINISHED',
    ]);
  });

  it('names its failed atoms and the folders of their results', async () => {
    const { master } = harness;
    const id = await master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(3);
    await slave.runAll({ failing: [1] });
    const { status, failed_atoms, num_atoms_failed } = await master.getBuild(id);
    expect(status).to.equal('FAILURE');
    expect(num_atoms_failed).to.equal(1);
    expect(failed_atoms?.map(({ id: atom, command_string }) => ({ atom, command_string }))).to.deep.equal([
      { atom: 1, command_string: 'export TOKEN=2;' },
    ]);
    const contents = await master.archiveContents(id);
    expect(contents?.failedFolders).to.deep.equal([`artifact_${failed_atoms?.[0]?.subjob_id}_1`]);
    expect(contents?.files.map((file) => readFileSync(file, 'utf8'))).to.deep.equal(Array(3).fill('archive'));
  });

  it('ends in success at once when it has no atoms', async () => {
    const id = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(0);
    expect(await harness.master.getBuild(id)).to.deep.include({
      status: 'SUCCESS',
      state: 'FINISHED',
      num_atoms: 0,
      num_subjobs: 0,
      details: '0 of 0 subjobs are complete (100.0%).',
      failed_atoms: [],
    });
    expect(await harness.master.archiveContents(id)).to.deep.equal({ files: [], failedFolders: [] });
  });

  it('has no archive while it runs', async () => {
    const id = await harness.master.createBuild(directoryBuild);
    expect(await harness.master.archiveContents(id)).to.equal(null);
  });

  it('names its archives as they arrive, including those from before a restart, until it has ended', async () => {
    const id = await harness.master.createBuild(directoryBuild);
    const slave = await harness.slave();
    await slave.prepare(3);
    const before = await slave.take();
    await slave.deliver(before);
    await harness.restart();
    const named: string[] = [];
    const following = (async () => {
      for await (const files of (await harness.master.followArchives(id, staying)) ?? []) {
        named.push(...files);
      }
    })();
    await until(() => named.length === 1);
    expect(named[0]).to.match(new RegExp(`/${before.subjob_id}\\.tar\\.gz$`));
    await slave.deliver(await slave.take());
    await until(() => named.length === 2);
    await slave.deliver(await slave.take());
    await following;
    const contents = await harness.master.archiveContents(id);
    expect(named.toSorted()).to.deep.equal(contents?.files.toSorted()).and.have.length(3);
    expect(await harness.master.followArchives(id, staying)).to.equal(null);
    await refused(harness.master.followArchives(toId.build(99), staying), 'NOT_FOUND');
  });

  it('reports regularly that no archive has arrived, however often other things change', async () => {
    const id = await harness.master.createBuild(directoryBuild);
    const gone = new AbortController();
    let empty = 0;
    const following = (async () => {
      for await (const files of (await harness.master.followArchives(id, gone.signal)) ?? []) {
        empty += files.length === 0 ? 1 : 0;
      }
    })();
    await until(() => empty === 1);
    const slave = await harness.slave();
    harness.clock.advance(10_000);
    await slave.takePreparation();
    harness.clock.advance(10_000);
    await until(() => empty === 2);
    gone.abort();
    await following;
  });

  it('stops naming its archives when nobody listens', async () => {
    const id = await harness.master.createBuild(directoryBuild);
    const gone = new AbortController();
    const batches = await harness.master.followArchives(id, gone.signal);
    const rest = (async () => {
      for await (const files of batches ?? []) {
        expect(files).to.deep.equal([]);
      }
    })();
    gone.abort();
    await rest;
  });

  it('is canceled once, and says so', async () => {
    const { master } = harness;
    const id = await master.createBuild(directoryBuild);
    const first = await master.cancelBuild(id);
    expect(first).to.deep.include({ status: 'FAILURE', state: 'CANCELED', failed_atoms: [] });
    expect(first.error_message).to.contain('canceled');
    expect(await master.cancelBuild(id)).to.deep.equal(first);
  });

  it('stays finished when it is canceled after its end', async () => {
    const id = await harness.master.createBuild(directoryBuild);
    await (await harness.slave()).prepare(0);
    expect((await harness.master.cancelBuild(id)).state).to.equal('FINISHED');
  });

  it('ends in error with the message of the slave that could not prepare it', async () => {
    const { master } = harness;
    const id = await master.createBuild(directoryBuild);
    const slave = await harness.slave();
    const { lease } = await slave.takePreparation();
    await master.reportPreparationFailed(slave.id, id, lease, 'There is no job Simple.');
    expect(await master.getBuild(id)).to.include({
      status: 'FAILURE',
      state: 'ERROR',
      error_message: 'There is no job Simple.',
    });
    await master.reportPreparationFailed(slave.id, id, lease, 'There is no job Simple.');
  });

  it('is listed with the others, oldest first, page by page', async () => {
    const { master } = harness;
    for (let n = 0; n < 5; n += 1) {
      await master.createBuild(directoryBuild);
    }
    const { builds, total } = await master.listBuilds({ offset: 1, limit: 2 });
    expect(total).to.equal(5);
    expect(builds.map(({ id }) => id)).to.deep.equal([2, 3]);
    await master.cancelBuild(toId.build(1));
    const unfinished = await master.listUnfinished({ offset: 0, limit: 2 });
    expect(unfinished.total).to.equal(4);
    expect(unfinished.builds.map(({ id }) => id)).to.deep.equal([2, 3]);
  });

  it('is not found when it was never created', async () => {
    const none = toId.build(99);
    expect(await refused(harness.master.getBuild(none), 'NOT_FOUND')).to.contain('99');
    await refused(harness.master.cancelBuild(none), 'NOT_FOUND');
    await refused(harness.master.archiveContents(none), 'NOT_FOUND');
  });

  it('is refused with the name of the missing, unknown or wrong field', async () => {
    const { master } = harness;
    const message = (request: Parameters<typeof master.createBuild>[0]) =>
      refused(master.createBuild(request), 'INVALID_REQUEST');
    expect(await message({ type: 'git', job_name: 'a' })).to.contain('url');
    expect(await message({ type: 'git', url: 'file:///a' })).to.contain('job_name');
    expect(await message({ type: 'directory', job_name: 'a' })).to.contain('project_directory');
    expect(await message({ type: 'directory', job_name: 'a', project_directory: 'b' })).to.contain(
      'absolute',
    );
    expect(await message({ ...directoryBuild, branch: 'x' })).to.contain('branch');
    expect(await message({ ...directoryBuild, remote_files: { a: 'b' } })).to.contain('remote_files');
    expect(
      await message({ ...directoryBuild, config: { commands: [null], atomizers: [{ A: 'b' }] } }),
    ).to.contain('config.commands');
    expect((await master.listBuilds({ offset: 0, limit: 10 })).total).to.equal(0);
  });

  it('shows no credentials of its repository', async () => {
    const id = await harness.master.createBuild({
      type: 'git',
      url: 'https://user:hunter2@example.com/a.git',
      job_name: 'a',
    });
    expect(JSON.stringify(await harness.master.getBuild(id))).not.to.contain('hunter2');
    const { project } = await (await harness.slave()).takePreparation();
    expect(JSON.stringify(project)).to.contain('hunter2');
  });

  it('has every atom once, in the order of the list, however many there are', async () => {
    const { master } = harness;
    const id = await master.createBuild(directoryBuild);
    await (await harness.slave()).prepare(4500);
    const { atoms, total } = await master.listAtoms(id, null, { offset: 0, limit: 5000 });
    expect(total).to.equal(4500);
    expect(atoms.map((atom) => atom.id)).to.deep.equal(Array.from({ length: 4500 }, (_, n) => n));
    expect((await master.listAtoms(id, null, { offset: 4498, limit: 9 })).atoms).to.deep.equal(
      atoms.slice(4498),
    );
    const { subjobs } = await master.listSubjobs(id, { offset: 0, limit: 5000 });
    expect(
      subjobs.flatMap((subjob) => subjob.atoms.map((atom) => atom.id)).sort((a, b) => a - b),
    ).to.deep.equal(atoms.map((atom) => atom.id));
    const { subjobs: last } = await master.listSubjobs(id, { offset: subjobs.length - 1, limit: 9 });
    expect(last).to.deep.equal(subjobs.slice(-1));
  });

  it('has the atoms of the accepted preparation and none of an abandoned one', async () => {
    const { master } = harness;
    const id = await master.createBuild(directoryBuild);
    const leaving = await harness.slave();
    const preparation = await leaving.takePreparation();
    const before = await commits(master);
    const reported = refused(leaving.reportPrepared(preparation, 9000), 'SLAVE_UNKNOWN');
    // In at least two transactions.
    await until(async () => (await commits(master)) >= before + 2);
    await master.goodbyeSlave(leaving.id);
    await reported;
    expect(await master.listAtoms(id, null, { offset: 0, limit: 9 })).to.deep.equal({ atoms: [], total: 0 });
    await (await harness.slave()).prepare(3);
    const { atoms, total } = await master.listAtoms(id, null, { offset: 0, limit: 9 });
    expect([atoms.length, total]).to.deep.equal([3, 3]);
  });

  it('shows the revision that its preparing slave reports, also after a restart, or else that of the request', async () => {
    const revision = { commit: 'a'.repeat(40), branch: 'main', subject: 'Fix it', has_changes: false };
    const given = { ...revision, has_changes: true };
    const { master } = harness;
    const id = await master.createBuild({ type: 'directory', project_directory: '/p', job_name: 'a' });
    const slave = await harness.slave();
    const { lease } = await slave.takePreparation();
    expect((await master.getBuild(id)).revision).to.equal(null);
    await master.reportPrepared(slave.id, id, {
      lease,
      job: { name: 'a', definition: { commands: ['true'], atomizers: [{ A: 'b' }] } },
      commit: null,
      revision,
      atoms: [{ variable: 'A', value: 'x' }],
    });
    const other = await master.createBuild({
      type: 'directory',
      project_directory: '/p',
      job_name: 'a',
      revision: given,
    });
    await harness.restart();
    expect((await harness.master.getBuild(id)).revision).to.deep.equal(revision);
    expect((await harness.master.getBuild(other)).revision).to.deep.equal(given);
    await harness.master.cancelBuild(id);
    expect((await harness.master.getBuild(id)).revision).to.deep.equal(revision);
  });

  it('gives its prepared commit to all slaves', async () => {
    const { master } = harness;
    await master.createBuild({ type: 'git', url: 'https://example.com/a.git', job_name: 'a' });
    const slave = await harness.slave();
    const { build_id, lease } = await slave.takePreparation();
    await master.reportPrepared(slave.id, build_id, {
      lease,
      job: { name: 'a', definition: { commands: ['true'], atomizers: [{ A: 'b' }] } },
      commit: 'abc123',
      atoms: [{ variable: 'A', value: '$PROJECT_DIR/x y' }],
    });
    slave.leases.clear();
    const { project, atoms } = await slave.take();
    expect(project).to.include({ hash: 'abc123', remote: 'origin' });
    expect(atoms).to.deep.equal([{ id: 0, variable: 'A', value: '$PROJECT_DIR/x y' }]);
  });
});
