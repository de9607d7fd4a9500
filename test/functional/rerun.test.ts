import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type BuildId, toId } from '../../src/protocol/ids.js';
import { Cluster } from '../support/cluster.js';
import { failureOf } from '../support/failure-of.js';
import { writeFiles } from '../support/project.js';

describe('build --rerun-failed', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start(2);
    writeFiles(cluster.cwd, {
      // Two kinds of atoms; those with a file `bad-…` fail.
      'clusterrunner.yaml': `
Two kinds:
    atomizers:
        - A: printf '%s\\n' one "$PROJECT_DIR/two"
        - B: seq 3
    commands:
        - name=$(basename "\${A:-$B}")
        - echo "$name" >> ran
        - test ! -e "bad-$name"
`,
      'bad-two': '',
      'bad-3': '',
    });
  });
  after(() => cluster.stop());

  const ran = () =>
    existsSync(join(cluster.cwd, 'ran'))
      ? readFileSync(join(cluster.cwd, 'ran'), 'utf8').trim().split('\n')
      : [];

  it('runs only the atoms that failed, with their own variables', async () => {
    expect((await cluster.build([])).exitCode).to.equal(1);
    expect(ran()).to.have.members(['one', 'two', '1', '2', '3']);
    writeFiles(cluster.cwd, { ran: '' });
    const { exitCode, stdout } = await cluster.build(['--rerun-failed', '1']);
    expect(stdout).to.contain('FAILURE: 2 of 2 atoms failed');
    expect(exitCode).to.equal(1);
    expect(ran().filter((line) => line !== '')).to.have.members(['two', '3']);
  });

  it('uses the job as it was, and passes once the cause is fixed', async () => {
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': 'Other: {atomizers: [{N: seq 1}], commands: ["false"]}\n',
    });
    rmSync(join(cluster.cwd, 'bad-two'));
    rmSync(join(cluster.cwd, 'bad-3'));
    const { exitCode, stdout } = await cluster.build(['--rerun-failed', '2']);
    expect(stdout).to.contain('SUCCESS: 2 atoms passed');
    expect(exitCode).to.equal(0);
  });

  for (const [what, args, sentence] of [
    ['a build without failed atoms', ['--rerun-failed', '3'], 'No atom of build 3 has failed'],
    ['a build that does not exist', ['--rerun-failed', '99'], 'There is no build 99'],
    ['a build id that is not a number', ['--rerun-failed', 'last'], '"last" is not the number of a build'],
    [
      'a project besides the build',
      ['--rerun-failed', '1', '--url', 'file:///x'],
      'leave out what names them',
    ],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const { exitCode, stderr } = await cluster.build(args);
      expect(stderr).to.contain(sentence);
      expect(exitCode).to.equal(2);
    });
  }
});

describe('a rerun of all atoms', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start(2);
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': 'Some: {atomizers: [{N: cat list}], commands: [test $N -ne 2]}\n',
      list: '1\n2\n3\n',
    });
    expect((await cluster.build([])).exitCode).to.equal(1);
  });
  after(() => cluster.stop());

  const ended = async (id: BuildId) => {
    const watch = { waitSeconds: 60, until: 'end', etag: null } as const;
    return (await cluster.client.watchBuild(id, watch)).build;
  };

  it('runs the whole job as it was, and lists its atoms again', async () => {
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': 'Other: {commands: ["false"]}\n', list: '1\n2\n3\n4\n' });
    const { build_id: id } = await cluster.client.rerunAll(toId.build(1), { requestedBy: 'ada' });
    const build = await ended(id);
    expect(build).to.include({ state: 'FINISHED', num_atoms: 4, num_atoms_failed: 1 });
    expect(build?.request_params).to.include({ job_name: 'Some', requested_by: 'ada' });
  });

  it('also runs a build again that could not be prepared', async () => {
    const request = { type: 'directory', project_directory: cluster.cwd, job_name: 'Other' } as const;
    const { build_id: broken } = await cluster.client.createBuild(request);
    expect(await ended(broken)).to.include({ state: 'ERROR', num_atoms: null });
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': 'Other: {atomizers: [{N: seq 2}], commands: ["true"]}\n',
    });
    const { build_id: id } = await cluster.client.rerunAll(broken);
    expect(await ended(id)).to.include({ state: 'FINISHED', result: 'SUCCESS', num_atoms: 2 });
  });

  it('is refused while the build runs', async () => {
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': 'Slow: {atomizers: [{N: echo 1}], commands: ["sleep 60"]}\n',
    });
    const { build_id: id } = await cluster.client.rerunAll(toId.build(3));
    expect(await failureOf(cluster.client.rerunAll(id))).to.include({ code: 'CONFLICT' });
    await cluster.client.cancelBuild(id);
  });
});
