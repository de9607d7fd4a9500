import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';

describe('build --output', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.create();
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': `
Mixed:
    atomizers:
        - N: seq 2
    commands:
        - echo "atom $N"
        - '[ $N = 1 ]'
`,
      'kept/notes': 'mine',
    });
  });
  after(() => cluster.stop());

  it('puts the results into that folder, and names its files in all output', async () => {
    const { exitCode, stdout } = await cluster.build(['--output', 'out/first run']);
    expect(exitCode).to.equal(1);
    expect(readdirSync(join(cluster.cwd, 'out'))).to.deep.equal(['first run']);
    const names = readdirSync(join(cluster.cwd, 'out', 'first run'));
    expect(names).to.include.members(['failures.txt', 'junit.xml', 'report.html']);
    expect(existsSync(join(cluster.cwd, 'build_results'))).to.equal(false);
    const [, script = ''] = /rerun it by hand: bash (.*)$/m.exec(stdout) ?? [];
    expect(script).to.match(/^'out\/first run\/artifact_\d+_1\/clusterrunner_command'$/);
    expect(stdout).to.match(/Results: \.\/out\/first run\/ \(report\.html\)\n$/);
    const rerun = await cluster.runProgram('sh', ['-c', `bash ${script}`]).ended;
    expect(rerun).to.include({ exitCode: 1, stdout: 'atom 2\n' });
  });

  it('replaces earlier results', async () => {
    const { exitCode } = await cluster.build(['--output', 'out/first run', '--atoms-override', '["1"]']);
    expect(exitCode).to.equal(0);
    expect(readdirSync(join(cluster.cwd, 'out', 'first run'))).not.to.include('failures.txt');
  });

  it('refuses a folder with other files and the current folder before it builds, and names the alternative', async () => {
    const refused = await cluster.build(['--output', 'kept']);
    expect(refused).to.include({ exitCode: 2, stdout: '' });
    expect(refused.stderr).to.equal(
      `clusterrunner: ${join(cluster.cwd, 'kept')} holds "notes", which is no result of a build, and results replace the whole folder; move it away or name another folder with --output.\n`,
    );
    expect(readFileSync(join(cluster.cwd, 'kept', 'notes'), 'utf8')).to.equal('mine');
    const empty = join(cluster.cwd, 'empty');
    mkdirSync(empty);
    const here = await cluster.build(['--project-directory', cluster.cwd, '--output', '.'], { cwd: empty });
    expect(here).to.include({ exitCode: 2, stdout: '' });
    expect(here.stderr).to.contain('is the current folder or holds it');
  });
});
