import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

describe('results that arrive while the build runs', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.start(1);
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml':
        'Two: {atomizers: [{N: seq 2}], commands: [\'echo "$N" > "$ARTIFACT_DIR/n"\', \'[ $N = 1 ] || until [ -e go ]; do sleep 0.02; done\']}\n',
    });
  });
  afterEach(() => cluster.stop());

  const fetched = (...path: string[]) => join(cluster.baseDirectory, 'fetched', 'build-1', ...path);
  const firstIsThere = () =>
    eventually(
      'the first atom is unpacked',
      () => existsSync(fetched('results', 'artifact_0_0', 'n')),
      () => '',
    );

  it('are unpacked at once, and moved into place when the build has ended', async () => {
    const build = cluster.startBuild([]);
    await firstIsThere();
    expect(readdirSync(cluster.cwd)).to.deep.equal(['clusterrunner.yaml']);
    writeFiles(cluster.cwd, { go: '' });
    expect((await build.ended).exitCode).to.equal(0);
    expect(cluster.result(0, 'n') + cluster.result(1, 'n')).to.equal('1\n2\n');
    expect(cluster.results()).to.include('junit.xml');
    expect(readdirSync(fetched())).to.deep.equal([]);
    const metrics = await (await fetch(`${cluster.master.url}/v1/metrics`)).text();
    const [, times] =
      /^clusterrunner_http_request_duration_seconds_count\{[^}]*artifacts\.tar\.gz[^}]*\} (\d+)$/m.exec(
        metrics,
      ) ?? [];
    expect(times).to.equal('1');
  });

  it('are fetched again from the start when the master was killed', async () => {
    const build = cluster.startBuild([]);
    await firstIsThere();
    const { program, port } = cluster.master;
    program.signal('SIGKILL');
    await program.ended;
    await cluster.startMaster(['-p', String(port)]);
    writeFiles(cluster.cwd, { go: '' });
    expect((await build.ended).exitCode).to.equal(0);
    expect(cluster.result(0, 'n') + cluster.result(1, 'n')).to.equal('1\n2\n');
    expect(readdirSync(fetched())).to.deep.equal([]);
  });

  it('are kept as far as they have arrived when the build is canceled, and so is the --junit file', async () => {
    const build = cluster.startBuild(['--junit', 'report.xml']);
    await firstIsThere();
    expect((await cluster.run(['cancel', '-m', cluster.master.url, '1']).ended).exitCode).to.equal(0);
    expect((await build.ended).exitCode).to.equal(2);
    expect(cluster.result(0, 'n')).to.equal('1\n');
    expect(readFileSync(join(cluster.cwd, 'report.xml'), 'utf8')).to.contain('tests="2"');
  });

  it('do not replace a folder that meanwhile holds something else', async () => {
    const build = cluster.startBuild([]);
    await firstIsThere();
    writeFiles(cluster.cwd, { 'build_results/notes': 'mine' });
    writeFiles(cluster.cwd, { go: '' });
    const { exitCode, stderr } = await build.ended;
    expect(exitCode).to.equal(2);
    expect(stderr).to.contain('build_results holds "notes"');
    expect(readdirSync(join(cluster.cwd, 'build_results'))).to.deep.equal(['notes']);
    expect(readdirSync(fetched())).to.deep.equal([]);
  });

  it('are removed by the next command when their own was killed, wherever they lie', async () => {
    const left = ['results', 'results.old'].map((name) =>
      join(cluster.baseDirectory, 'fetched', 'build-7', name),
    );
    for (const directory of left) {
      mkdirSync(join(directory, 'artifact_0_0'), { recursive: true });
    }
    const build = cluster.startBuild([]);
    await firstIsThere();
    expect(left.map((directory) => existsSync(directory))).to.deep.equal([false, false]);
    writeFiles(cluster.cwd, { go: '' });
    expect((await build.ended).exitCode).to.equal(0);
  });

  it('are moved into place as far as they have arrived when the command is interrupted', async () => {
    const build = cluster.startBuild([]);
    await firstIsThere();
    build.signal('SIGINT');
    expect((await build.ended).exitCode).to.equal(130);
    expect(readdirSync(fetched())).to.deep.equal([]);
    expect(cluster.results()).to.include('junit.xml');
  });
});
