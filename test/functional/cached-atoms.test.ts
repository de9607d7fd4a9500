import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { toId } from '../../src/protocol/ids.js';
import { Cluster } from '../support/cluster.js';
import { GitProject, writeFiles } from '../support/project.js';

/** Each atom fails if its file or the shared one says so. `made` is what setup_build makes of the shared file. */
const JOB = `
Unit:
    inputs:
        files: [shared, $T]
        environment: [TZ]
        versions: [cat tool]
    cache: true
    setup_build:
        - cp shared made
    atomizers:
        - T: ls test/*
    commands:
        - echo "$T with $(cat made)"
        - grep -qx good "$T"
        - grep -qx good made
`;

const files = {
  'clusterrunner.yaml': JOB,
  shared: 'good\n',
  tool: 'version 1\n',
  other: 'not an input\n',
  'test/1': 'good\n',
  'test/2': 'good\n',
  'test/3': 'good\n',
};

describe('atoms of a job with `cache: true`', () => {
  let cluster: Cluster;
  let project: GitProject;
  let projects = 0;
  /** The last build. */
  let last = toId.build(1);
  before(async () => {
    cluster = await Cluster.start(2);
  });
  after(() => cluster.stop());
  beforeEach(async () => {
    // Each test has a project of its own, and no passes of others.
    projects += 1;
    project = await GitProject.create(join(cluster.root, `project-${projects}`), files);
  });

  interface Outcome {
    readonly exitCode: number;
    /** Names of atoms that ran. */
    readonly ran: readonly string[];
    readonly output: string;
  }

  async function run(...args: readonly string[]): Promise<Outcome> {
    const { exitCode, stdout, stderr } = await cluster.build(
      args.length > 0 && args[0] === 'snapshot' ? args : ['git', '--url', project.url, '-j', 'Unit', ...args],
    );
    const [, id = ''] = /Build (\d+) is accepted/.exec(stdout) ?? [];
    last = toId.build(Number(id));
    const { atoms } = await cluster.client.listAtoms(last, { offset: 0, limit: 100 });
    const ran = atoms
      .filter(({ cached_from }) => cached_from === null)
      .map(({ command_string }) => /test\/\d/.exec(command_string)?.[0] ?? command_string);
    return { exitCode: exitCode ?? -1, ran: ran.sort(), output: stdout + stderr };
  }

  const all = ['test/1', 'test/2', 'test/3'];
  const change = (changes: Readonly<Record<string, string>>) => project.commit(changes);

  it('run once, until one of their inputs changes', async () => {
    expect(await run()).to.include({ exitCode: 0 });
    const again = await run();
    expect(again).to.deep.include({ exitCode: 0, ran: [] });
    expect(again.output).to.match(/SUCCESS: 3 atoms passed, 3 of them cached, in /);
    await change({ other: 'changed\n' });
    expect((await run()).ran).to.deep.equal([]);
    await change({ 'test/2': '#!/bin/sh\n' });
    expect(await run()).to.deep.include({ exitCode: 1, ran: ['test/2'] });
    await change({ 'test/2': 'good\n' });
    // The file is executable now, so it is another input.
    expect(await run()).to.deep.include({ exitCode: 0, ran: ['test/2'] });
    await change({ shared: 'bad\n' });
    expect(await run()).to.deep.include({ exitCode: 1, ran: all });
    await change({ shared: 'good\n' });
    expect(await run()).to.deep.include({ exitCode: 0, ran: [] });
  });

  it('run again after a failure, and with --no-cache', async () => {
    await change({ 'test/2': 'bad\n' });
    expect(await run()).to.deep.include({ exitCode: 1, ran: all });
    expect(await run()).to.deep.include({ exitCode: 1, ran: ['test/2'] });
    expect((await run('--no-cache')).ran).to.deep.equal(all);
    const status = await cluster.run(['status', String(last), '-m', cluster.master.url]).ended;
    expect(status.stdout).to.contain('0 atoms are cached.');
    expect(status.stdout).to.contain('3 atoms are not: the build was requested with --no-cache.');
  });

  it('run again after a change of the job, and of what `versions` prints', async () => {
    await run();
    await change({ tool: 'version 2\n' });
    expect((await run()).ran).to.deep.equal(all);
    await change({ 'clusterrunner.yaml': JOB.replace('echo "$T', 'echo "now $T') });
    expect((await run()).ran).to.deep.equal(all);
    await change({ 'clusterrunner.yaml': JOB.replace('commands:', 'retries: 1\n    commands:') });
    const status = async () =>
      (await cluster.run(['status', String(last), '-m', cluster.master.url]).ended).stdout;
    expect((await run()).ran).to.deep.equal([]);
    await change({ tool: 'version 3\n' });
    await run();
    expect(await status()).to.contain('3 atoms are not: they passed on another platform, or with other');
  });

  it('leave a list of the runs that they were taken from, and no folders', async () => {
    await run();
    const first = last;
    await change({ 'test/1': 'good\n\n' });
    await run();
    const results = join(cluster.cwd, 'build_results');
    const list = readFileSync(join(results, 'cached_atoms.txt'), 'utf8');
    expect(list).to.equal(`build ${first}, atom 1: test/2\nbuild ${first}, atom 2: test/3\n`);
    expect(cluster.results().filter((name) => /^artifact_/.test(name) && !/_0\//.test(name))).to.deep.equal(
      [],
    );
    const junit = readFileSync(join(results, 'junit.xml'), 'utf8');
    expect(junit).to.contain(`<property name="cached_from" value="build ${first}, atom 1"/>`);
    expect(existsSync(join(results, 'report.html'))).to.equal(true);
    const console = await cluster.run(['console', String(last), '1', '-m', cluster.master.url]).ended;
    expect(console.stderr).to.contain(`\`clusterrunner console ${first} 1\` shows the output of the run`);
  });

  it('count what links lead to, and run where one leads nowhere', async () => {
    const links = join(project.directory, 'links');
    mkdirSync(links);
    symlinkSync('../other', join(links, 'inside'));
    writeFiles(project.directory, { 'clusterrunner.yaml': JOB.replace('[shared,', '[links, shared,') });
    await change({});
    await run();
    expect((await run()).ran).to.deep.equal([]);
    await change({ other: 'changed\n' });
    expect((await run()).ran).to.deep.equal(all);
    symlinkSync('/etc/hostname', join(links, 'outside'));
    await change({});
    await run();
    expect((await run()).ran).to.deep.equal(all);
  });

  it('cannot be cached when an entry names no file, and the build says so', async () => {
    await change({ 'clusterrunner.yaml': JOB.replace('[shared,', '[misspelled, shared,') });
    const { exitCode, output } = await run();
    expect(exitCode).to.equal(2);
    expect(output).to.contain('The entry "misspelled" of "inputs" names no file of the commit; correct it.');
  });

  it('cannot be cached when a command of `versions` fails, and the build says so', async () => {
    await change({ 'clusterrunner.yaml': JOB.replace('cat tool', 'cat missing') });
    const { exitCode, output } = await run();
    expect(exitCode).to.equal(2);
    expect(output).to.match(/The command "cat missing" in "versions" of "inputs" exited with 1 on the slave/);
  });

  it('of a folder all run, and those of a snapshot of it do not', async () => {
    await project.git('remote', 'add', 'origin', 'https://example.com/project.git');
    const options = { cwd: project.directory };
    const build = async (type: string) => {
      const { stdout, exitCode, stderr } = await cluster.build([type], options);
      expect(exitCode, stdout + stderr).to.equal(0);
      return stdout;
    };
    await build('directory');
    expect(await build('directory')).to.match(/SUCCESS: 3 atoms passed in /);
    await build('snapshot');
    expect(await build('snapshot')).to.match(/SUCCESS: 3 atoms passed, 3 of them cached, in /);
    writeFiles(project.directory, { 'test/3': 'good\n\n' });
    expect(await build('snapshot')).to.match(/SUCCESS: 3 atoms passed, 2 of them cached, in /);
  });
});
