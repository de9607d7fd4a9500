import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { toId } from '../../src/protocol/ids.js';
import { Cluster } from '../support/cluster.js';
import { run } from '../support/processes.js';
import { writeFiles } from '../support/project.js';
import { scriptedTool } from '../support/scripted-tool.js';
import { eventually } from '../support/wait.js';

/** `values`: see the scripted tool. */
function job(values: readonly string[], more = ''): string {
  return `Tests:
  batch: {size: 20, match: file}
  commands:
    - echo x >> runs
    - ${JSON.stringify(scriptedTool)}
  atomizers:
    - ATOM: ${JSON.stringify(`printf '%s\\n' ${values.map((value) => `'${value}'`).join(' ')}`)}
${more}`;
}

describe('a job with batches', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.start();
  });
  afterEach(() => cluster.stop());

  const runs = () => readFileSync(join(cluster.cwd, 'runs'), 'utf8').length / 2;

  it('gives each atom its verdict, tests, console and report by one run of its commands', async () => {
    await cluster.startSlave(1);
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': job(['a pass', 'b fail', 'c pass']) });
    const { exitCode, stdout } = await cluster.build(['directory']);
    expect(exitCode, stdout).to.equal(1);
    expect(stdout).to.contain('1 of 3 atoms failed').and.to.contain('details of b');
    expect(stdout).to.contain('3 tests in the reports of the atoms: 1 failures, 0 errors, 0 skipped.');
    expect(runs()).to.equal(1);
    expect(cluster.result(1, 'clusterrunner_exit_code')).to.equal('1\n');
    expect(cluster.result(2, 'clusterrunner_exit_code')).to.equal('0\n');
    expect(cluster.result(1, 'batch.xml')).to.contain('b is wrong');
    const merged = readFileSync(join(cluster.cwd, 'build_results', 'junit.xml'), 'utf8');
    for (const [name, failures] of [
      ['a pass', 0],
      ['b fail', 1],
      ['c pass', 0],
    ] as const) {
      expect(merged).to.match(new RegExp(`<testsuite name="${name}" [^>]*tests="1" failures="${failures}"`));
    }
  });

  it('runs a failed atom again by itself', async () => {
    await cluster.startSlave(1);
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': job(['a pass', 'b fail'], '  retries: 1\n') });
    const { exitCode, stdout } = await cluster.build(['directory']);
    expect(exitCode, stdout).to.equal(1);
    expect(runs()).to.equal(2);
    const second = join(cluster.cwd, 'build_results', 'artifact_1_1', 'clusterrunner_console_output');
    expect(readFileSync(second, 'utf8')).to.equal('b prints\n');
  });

  it('is rerun by hand as a batch of one', async () => {
    await cluster.startSlave(1);
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': job(['a pass', 'b fail']) });
    await cluster.build(['directory']);
    const rerun = (atom: number) =>
      run('sh', [join('build_results', cluster.folder(atom), 'clusterrunner_command')], {
        cwd: cluster.cwd,
        env: { PATH: process.env.PATH ?? '' },
      });
    const [passed, failed] = [await rerun(0), await rerun(1)];
    expect({ exitCode: passed.exitCode, stdout: passed.stdout }).to.deep.equal({
      exitCode: 0,
      stdout: 'a prints\n',
    });
    expect({ exitCode: failed.exitCode, stdout: failed.stdout }).to.deep.equal({
      exitCode: 1,
      stdout: 'b prints\n',
    });
  });

  it('runs its batches on several executors', async () => {
    await cluster.startSlave(2);
    const values = Array.from({ length: 30 }, (_, index) => `t${index} pass`);
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': job(values) });
    const { exitCode, stdout } = await cluster.build(['directory']);
    expect(exitCode, stdout).to.equal(0);
    expect(stdout).to.contain('SUCCESS: 30 atoms passed');
    expect(runs()).to.equal(2);
  });

  it('shows the output of a batch on the console of its first atom while it runs, and ends it with its build', async () => {
    await cluster.startSlave(1);
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': job(['a pass', 'b hang', 'c pass']) });
    const { client } = cluster;
    const { build_id } = await client.createBuild({
      type: 'directory',
      project_directory: cluster.cwd,
      job_name: null,
    });
    const consoleOf = async (atom: number) =>
      (await client.getConsole(build_id, toId.atom(atom), {}).catch(() => null))?.content ?? '';
    await eventually('the batch prints', async () => (await consoleOf(0)) === 'a prints\nb prints\n');
    await eventually('the others say where', async () =>
      (await consoleOf(2)).includes('in a batch of 3 atoms'),
    );
    await client.cancelBuild(build_id);
    const { build } = await client.watchBuild(build_id, { waitSeconds: 60, until: 'end', etag: null });
    expect(build?.state).to.equal('CANCELED');
    const { atoms } = await client.listAtoms(build_id, {});
    expect(atoms.map(({ outcome }) => outcome)).to.deep.equal(Array(3).fill('INTERRUPTED'));
    expect(await consoleOf(0)).to.match(/^a prints\nb prints\nclusterrunner: the atom was ended after /);
  });

  it('refuses a value with a line end, which no line of $ATOMS_FILE can hold', async () => {
    await cluster.startSlave(1);
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': job(['a pass']) });
    const { build_id } = await cluster.client.createBuild({
      type: 'directory',
      project_directory: cluster.cwd,
      job_name: null,
      atoms_override: ['a\npass'],
    });
    const { build } = await cluster.client.watchBuild(build_id, {
      waitSeconds: 60,
      until: 'end',
      etag: null,
    });
    expect(build?.error_message).to.match(
      /The atom "a\\npass" of ATOM holds a line end, so \$ATOMS_FILE cannot list it; leave "batch" out of the job Tests, or name other atoms\.$/,
    );
    expect(existsSync(join(cluster.cwd, 'runs'))).to.equal(false);
  });
});
