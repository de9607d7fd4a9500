import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster, repositoryRoot } from '../support/cluster.js';
import { npmEnvironment } from '../support/npm-environment.js';
import { writeFiles } from '../support/project.js';

const PATIENCE_MS = 10 * 60_000;

describe('the package', function () {
  this.timeout(PATIENCE_MS);
  let cluster: Cluster;
  let prefix: string;
  let installed: string;
  /** Before anything ran there. */
  let packedFiles: string[];
  before(async () => {
    cluster = await Cluster.create();
    prefix = join(cluster.root, 'prefix');
    installed = join(prefix, 'bin', 'clusterrunner');
    // Not compiled again: what is tested here is what is there.
    const args = ['pack', '--ignore-scripts', '--pack-destination', cluster.root];
    await npm(args, repositoryRoot);
    const tarball =
      readdirSync(cluster.root).find((name) => name.endsWith('.tgz')) ?? expect.fail('no tarball');
    await npm(
      ['install', '--global', '--prefix', prefix, '--prefer-offline', '--no-audit', '--no-fund', tarball],
      cluster.root,
    );
    packedFiles = readdirSync(home(), { recursive: true, encoding: 'utf8' }).filter(
      (file) => !file.startsWith('node_modules'),
    );
  });
  after(() => cluster.stop());

  const home = () => join(prefix, 'lib', 'node_modules', 'clusterrunner');
  const npm = async (args: string[], cwd: string) => {
    const { exitCode, stdout, stderr } = await cluster.runProgram('npm', args, { cwd, env: npmEnvironment })
      .ended;
    expect(exitCode, stdout + stderr).to.equal(0);
  };

  it('says its version', async () => {
    const { version } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
    const ended = await cluster.runProgram(installed, ['--version']).ended;
    expect(ended).to.deep.equal({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('runs a build on a machine of its own', async () => {
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': 'Simple: {atomizers: [{N: seq 3}], commands: [echo "n=$N"]}\n',
    });
    const ended = await cluster.runProgram(installed, ['build']).ended;
    expect(ended, ended.stderr).to.include({ exitCode: 0, stderr: '' });
    expect(ended.stdout).to.contain('SUCCESS: 3 atoms passed');
  });

  it('runs the example that it brings', async () => {
    const example = join(home(), 'examples', 'shell');
    const ended = await cluster.runProgram(installed, ['build'], { cwd: example }).ended;
    expect(ended, ended.stdout + ended.stderr).to.include({ exitCode: 0, stderr: '' });
  });

  it('holds no tests and nothing of a build', () => {
    const content = packedFiles.map((file) => file.split('/')[0]);
    expect(content).to.include.members(['bin', 'dist', 'docs', 'package.json', 'README.md', 'LICENSE']);
    expect(
      packedFiles.filter((file) => /^(dist\/)?(test|bench|scripts)\/|build_results/.test(file)),
    ).to.deep.equal([]);
  });

  it('can be imported as a client of the REST API', async () => {
    writeFiles(cluster.cwd, {
      'use.mjs':
        "import { MasterClient } from 'clusterrunner';\n" +
        "console.log(typeof new MasterClient({ url: 'http://localhost:43000', secret: 'a secret' }).getBuild);\n",
      'node_modules/.keep': '',
    });
    await cluster.runProgram('ln', ['-s', home(), join(cluster.cwd, 'node_modules', 'clusterrunner')]).ended;
    const ended = await cluster.runProgram('node', ['use.mjs']).ended;
    expect(ended, ended.stderr).to.include({ exitCode: 0, stdout: 'function\n' });
  });
});
