import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { expect } from 'chai';
import { toId } from '../../src/protocol/ids.js';
import { Cluster } from '../support/cluster.js';
import { run } from '../support/processes.js';
import { GitProject } from '../support/project.js';
import { eventually } from '../support/wait.js';

const jobs = (log: string) => `
Read:
    atomizers:
        - TOKEN: echo x
    commands:
        - cat "$PROJECT_DIR/version.txt"
        - git -C "$PROJECT_DIR" rev-parse HEAD
        - git -C "$PROJECT_DIR" remote
ReadDownload:
    atomizers:
        - TOKEN: echo x
    commands:
        - cat "$PROJECT_DIR/fixtures/data.txt"
Paths:
    atomizers:
        - TOKEN: echo x
    commands:
        - 'echo "<testsuite><testcase name=\\"a\\" file=\\"$PROJECT_DIR/a.js\\"><failure>in $PWD/../top:3</failure></testcase></testsuite>" > $ARTIFACT_DIR/r.xml'
        - 'echo "$PROJECT_DIR/a.js:1 $(cd ..; pwd)/top:2"'
        - 'echo "$PROJECT_DIR/x" > $ARTIFACT_DIR/kept'
        - 'false'
BadAtomizer:
    atomizers:
        - TOKEN: echo "$PROJECT_DIR/list" >&2; exit 3
    commands:
        - 'true'
BadSetup:
    setup_build:
        - echo "cd $PROJECT_DIR"; exit 3
    atomizers:
        - TOKEN: echo x
    commands:
        - 'true'
Phases:
    setup_build:
        - echo "setup $PROJECT_DIR" | tee -a ${log}
    teardown_build:
        - echo "teardown $PROJECT_DIR" >> ${log}
    atomizers:
        - TOKEN: seq 12
    commands:
        - echo "atom $PROJECT_DIR" >> ${log}
        - sleep 0.05
`;

describe('a git project', () => {
  let cluster: Cluster;
  let project: GitProject;
  let oldHash: string;
  let newHash: string;
  before(async () => {
    cluster = await Cluster.start(2);
    const log = join(cluster.cwd, 'log');
    project = await GitProject.create(join(cluster.root, 'project'), { 'clusterrunner.yaml': jobs(log) });
    oldHash = await project.commit({ 'version.txt': 'old\n' });
    newHash = await project.commit({ 'version.txt': 'new\n' });
    await project.git('checkout', '--quiet', '-b', 'feature/a');
    await project.commit({ 'version.txt': 'feature\n' });
    await project.git('checkout', '--quiet', 'main');
  });
  after(() => cluster.stop());

  const consoleOf = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await cluster.build(['git', '--url', project.url, ...args]);
    expect(exitCode, stdout + stderr).to.equal(0);
    return cluster.result(0, 'clusterrunner_console_output');
  };

  it('is built at the HEAD of its remote by default', async () => {
    expect(await consoleOf('-j', 'Read')).to.equal(`new\n${newHash}\norigin\n`);
  });

  it('is built at the branch of --branch', async () => {
    expect(await consoleOf('-j', 'Read', '--branch', 'feature/a')).to.match(/^feature\n/);
  });

  it('is shown with commit, branch, slave and requester by every command', async () => {
    const args = ['git', '--url', project.url, '-j', 'Read', '--branch', 'feature/a'];
    const env = { GITHUB_ACTOR: 'octocat' };
    const { stdout } = await cluster.build(args, { env });
    const id = /^Build (\d+) is accepted/.exec(stdout)?.[1] ?? '';
    const branch = (await project.git('rev-parse', 'feature/a')).trim();
    expect(stdout).to.match(new RegExp(`^Build ${id} tests ${branch.slice(0, 12)} on feature/a \\(`, 'm'));
    const shown = async (...words: string[]) => (await cluster.run(words).ended).stdout;
    expect(await shown('list')).to.match(
      new RegExp(`^${id} .* feature/a +${branch.slice(0, 12)} +octocat +Read `, 'm'),
    );
    const status = await shown('status', id);
    expect(status).to.contain(`It tests ${branch.slice(0, 12)} on feature/a`);
    expect(status).to.contain('Requested by octocat.');
    const { atoms } = await cluster.client.listAtoms(toId.build(Number(id)), { offset: 0, limit: 1 });
    const junit = readFileSync(join(cluster.cwd, 'build_results', 'junit.xml'), 'utf8');
    expect(junit).to.contain(` hostname="${atoms[0]?.slave}" `);
    expect(junit).to.contain(`<property name="revision" value="${branch}"/>`);
    expect(junit).to.contain('<property name="branch" value="feature/a"/>');
  });

  it('is built at the commit of --hash', async () => {
    expect(await consoleOf('-j', 'Read', '--hash', oldHash)).to.equal(`old\n${oldHash}\norigin\n`);
  });

  it('is built at the commit of --hash when the branch does not contain it', async () => {
    expect(await consoleOf('-j', 'Read', '--branch', 'feature/a', '--hash', newHash)).to.match(/^new\n/);
  });

  it('has the remote name of --remote', async () => {
    expect(await consoleOf('-j', 'Read', '--remote', 'upstream')).to.match(/^upstream$/m);
  });

  it('is built at its newest commit, not at that of the build before', async () => {
    await project.git('checkout', '--quiet', '-b', 'moving');
    await project.commit({ 'version.txt': 'first\n' });
    expect(await consoleOf('-j', 'Read', '--branch', 'moving')).to.match(/^first\n/);
    await project.commit({ 'version.txt': 'second\n' });
    expect(await consoleOf('-j', 'Read', '--branch', 'moving')).to.match(/^second\n/);
    await project.git('checkout', '--quiet', 'main');
  });

  it('is read from the folder of --project-directory', async () => {
    await project.git('checkout', '--quiet', '-b', 'nested');
    await project.commit({
      'sub/clusterrunner.yaml': 'Sub: {atomizers: [{X: echo x}], commands: [cat "$PROJECT_DIR/here.txt"]}\n',
      'sub/here.txt': 'in sub\n',
    });
    await project.git('checkout', '--quiet', 'main');
    expect(await consoleOf('-j', 'Sub', '--branch', 'nested', '--project-directory', 'sub')).to.equal(
      'in sub\n',
    );
  });

  describe('in a folder of its repository', () => {
    const build = (job: string) =>
      cluster.build(['--url', project.url, '--branch', 'below', '--project-directory', 'sub', '-j', job]);
    before(async () => {
      await project.git('checkout', '--quiet', '-b', 'below');
      await project.commit({ 'sub/clusterrunner.yaml': jobs(join(cluster.cwd, 'log')) });
      await project.git('checkout', '--quiet', 'main');
    });

    it('has paths of the project in consoles and junit.xml, not those of the slave', async () => {
      const { stdout } = await build('Paths');
      const shown = '$PROJECT_DIR/a.js:1 $PROJECT_DIR/../top:2\n';
      expect(stdout).to.contain(shown);
      expect(cluster.result(0, 'clusterrunner_console_output')).to.equal(shown);
      const junit = readFileSync(join(cluster.cwd, 'build_results', 'junit.xml'), 'utf8');
      expect(junit)
        .to.contain('file="$PROJECT_DIR/a.js"')
        .and.contain('<failure>in $PROJECT_DIR/../top:3</failure>')
        .and.not.contain(cluster.root);
      expect(cluster.result(0, 'kept')).to.match(/^\/.*\/sub\/x\n$/);
    });

    it('has errors of atomizers and setups that name the slave, but not its folders', async () => {
      const listed = await build('BadAtomizer');
      expect(listed.stderr).to.match(/exited with 3 on the slave slave-1; [\s\S]*\n\$PROJECT_DIR\/list\n/);
      const setUp = await build('BadSetup');
      expect(setUp.stderr).to.match(
        /setup_build failed on slave-1; the last words on slave-1:\nsetup_build exited with 3:\ncd \$PROJECT_DIR\n/,
      );
      expect(listed.stderr + setUp.stderr).not.to.contain(join(cluster.baseDirectory, 'slaves'));
    });
  });

  describe('with setup and teardown on two slaves', () => {
    let lines: string[];
    before(async () => {
      await cluster.startSlave(2);
      await consoleOf('-j', 'Phases');
      const log = () => run('cat', ['log'], { cwd: cluster.cwd, env: { PATH: process.env.PATH ?? '' } });
      const count = (text: string, word: string) =>
        text.split('\n').filter((line) => line.startsWith(word)).length;
      // A teardown may still run when the build has its verdict.
      const text = await eventually('every setup has its teardown', async () => {
        const { stdout } = await log();
        return count(stdout, 'setup') === count(stdout, 'teardown') && stdout;
      });
      lines = text.trim().split('\n');
    });

    it('runs each of them once on each slave that takes part', () => {
      const setups = lines.filter((line) => line.startsWith('setup'));
      expect(setups).to.have.length.within(1, 2);
      expect(new Set(setups)).to.have.property('size', setups.length);
    });

    it('runs the setup before the first atom and the teardown after the last', () => {
      for (const directory of new Set(lines.map((line) => line.split(' ')[1]))) {
        const here = lines.filter((line) => line.endsWith(` ${directory}`)).map((line) => line.split(' ')[0]);
        expect(here[0]).to.equal('setup');
        expect(here.at(-1)).to.equal('teardown');
        expect(new Set(here.slice(1, -1))).to.deep.equal(new Set(['atom']));
      }
    });

    it('has the setup output of each slave in its results, with paths of the project', () => {
      const results = join(cluster.cwd, 'build_results');
      const files = readdirSync(results).filter((name) => name.startsWith('setup_'));
      expect(files).to.have.length(lines.filter((line) => line.startsWith('setup')).length);
      for (const file of files) {
        const text = readFileSync(join(results, file), 'utf8');
        expect(text, text).to.match(
          /^setup_build took \d+\.\d s on \S+, and printed:\nsetup \$PROJECT_DIR\n$/,
        );
      }
    });

    it('runs every atom', () => {
      expect(lines.filter((line) => line.startsWith('atom'))).to.have.length(12);
    });
  });

  describe('with a remote file', () => {
    let server: Server;
    let url: string;
    before(async () => {
      server = createServer((_, response) => response.end('downloaded\n')).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/data`;
    });
    after(() => server.close());

    it('has the file in its workspace under the name of -f NAME URL', async () => {
      expect(await consoleOf('-j', 'ReadDownload', '-f', 'fixtures/data.txt', url)).to.equal('downloaded\n');
    });

    it('refuses a file name that leads out of the workspace', async () => {
      const ended = await cluster.build([
        '--url',
        project.url,
        '-j',
        'ReadDownload',
        '-f',
        '../data.txt',
        url,
      ]);
      expect(ended.exitCode).to.equal(2);
      expect(ended.stderr).to.match(/^clusterrunner: .*\.\.\/data\.txt.*\n$/);
    });
  });
});
