import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { GitProject, writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

const PASSING = 'Simple: {atomizers: [{N: seq 3}], commands: [echo "n=$N"]}\n';

describe('build on a machine without a master', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.create();
  });
  // It also checks that no process and no temporary file is left.
  afterEach(() => cluster.stop());

  it('needs no arguments in a folder with one job', async () => {
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': PASSING });
    const ended = await cluster.build([]);
    expect(ended).to.include({ exitCode: 0, stderr: '' });
    expect(ended.stdout).to.match(/^No master is running on this machine; started one with \d+ executors/);
    expect(ended.stdout).to.match(/^SUCCESS: 3 atoms passed/m);
    expect(cluster.result(2, 'clusterrunner_console_output')).to.equal('n=3\n');
  });

  it('needs no configuration: it writes the file at first use, readable by its owner only', async () => {
    const home = join(cluster.root, 'home');
    mkdirSync(home);
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': PASSING });
    const ended = await cluster.build([], { env: { HOME: home, CLUSTERRUNNER_BASE_DIRECTORY: '' } });
    expect(ended, ended.stderr).to.include({ exitCode: 0 });
    const text = readFileSync(join(home, '.clusterrunner', 'clusterrunner.conf'), 'utf8');
    expect(text).to.match(/^secret = \S{32,}$/m);
  });

  it('exits with 1 when an atom fails', async () => {
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': 'Simple: {atomizers: [{N: seq 3}], commands: [test "$N" != 2]}\n',
    });
    const ended = await cluster.build([]);
    expect(ended).to.include({ exitCode: 1, stderr: '' });
    expect(ended.stdout).to.match(/^FAILURE: 1 of 3 atoms failed/m);
  });

  it('prints only the verdict with --quiet', async () => {
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': PASSING });
    const { stdout, stderr } = await cluster.build(['--quiet']);
    expect(stdout + stderr).to.match(/^SUCCESS: .*\n$/);
  });

  it('leaves only build_results in the folder', async () => {
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': PASSING });
    await cluster.build([]);
    expect(readdirSync(cluster.cwd).sort()).to.deep.equal(['build_results', 'clusterrunner.yaml']);
  });

  it('protects the repository of the git hook that it runs in from git commands of its tests', async () => {
    const project = await GitProject.create(join(cluster.root, 'project'), {
      'clusterrunner.yaml': `Commits:
  atomizers: [{N: echo 1}]
  commands:
    - git init -q "$ARTIFACT_DIR/own" && cd "$ARTIFACT_DIR/own"
    - git -c user.name=t -c user.email=t@example.com commit -q --allow-empty -m "of the test"
`,
    });
    const head = await project.git('rev-parse', 'HEAD');
    const hook = {
      GIT_DIR: join(project.directory, '.git'),
      GIT_INDEX_FILE: join(project.directory, '.git', 'index'),
      GIT_PREFIX: 'sub/',
    };
    for (const args of [['git', '--url', project.url, '--job-name', 'Commits'], []]) {
      const ended = await cluster.build(args, { cwd: project.directory, env: hook });
      expect(ended, ended.stdout + ended.stderr).to.include({ exitCode: 0 });
    }
    expect(await project.git('rev-parse', 'HEAD')).to.equal(head);
  });

  it('runs beside another build in another folder', async () => {
    // Neither can end before the other runs.
    const meet = (mine: string, other: string) =>
      `Meet: {atomizers: [{X: echo x}], commands: [touch "${cluster.root}/${mine}", ` +
      `'until [ -e "${cluster.root}/${other}" ]; do sleep 0.02; done']}\n`;
    const folders = ['one', 'two'].map((name) => join(cluster.root, name));
    const [one = '', two = ''] = folders;
    writeFiles(one, { 'clusterrunner.yaml': meet('a', 'b') });
    writeFiles(two, { 'clusterrunner.yaml': meet('b', 'a') });
    const both = await Promise.all(folders.map((cwd) => cluster.build([], { cwd })));
    expect(
      both.map(({ exitCode }) => exitCode),
      both.map(({ stderr }) => stderr).join(),
    ).to.deep.equal([0, 0]);
    for (const folder of folders) {
      expect(readdirSync(join(folder, 'build_results'))).to.have.members([
        '.gitignore',
        'artifact_0_0',
        'junit.xml',
        'report.html',
      ]);
    }
  });

  it('learns from build to build which atoms take long', async () => {
    writeFiles(cluster.cwd, {
      // Far apart, so that a busy machine does not reverse them.
      'clusterrunner.yaml':
        'Simple: {atomizers: [{N: echo 0; echo 0.1; echo 3}], commands: [sleep "$N"], max_executors: 1}\n',
    });
    await cluster.build([]);
    await cluster.build([]);
    // The longest atom starts first.
    expect(cluster.folder(2)).to.equal('artifact_0_2');
  });

  it('leaves no command running when it is killed', async () => {
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': 'Long: {atomizers: [{X: echo x}], commands: [touch started, sleep 1000]}\n',
    });
    const build = cluster.startBuild([]);
    await eventually('the command runs', () => readdirSync(cluster.cwd).includes('started'));
    build.signal('SIGKILL');
    await build.ended;
    await eventually(
      'its processes are gone',
      () => cluster.processes().length === 0,
      () => cluster.processes(),
    );
  });
});
