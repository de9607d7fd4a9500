import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { toId } from '../../src/protocol/ids.js';
import { Cluster, freePort, repositoryRoot } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

describe('a command', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.start(2);
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml':
        'Loud: {atomizers: [{N: seq 2}], commands: [seq 100000]}\n' +
        'Bad: {atomizers: [{N: seq 2}], commands: [test $N = 1]}\n' +
        'Logs: {atomizers: [{N: seq 1}], commands: ["seq 20000 | sed s/^/line-/; until test -e $PROJECT_DIR/go; do sleep 0.05; done; echo LINE-end"]}\n' +
        'Waits: {max_executors: 1, atomizers: [{N: seq 3}], commands: [sleep 1000]}\n' +
        'Hides: {atomizers: [{N: seq 1}], commands: ["touch $PROJECT_DIR/build_results", "false"]}\n',
    });
  });
  afterEach(() => cluster.stop());

  const shell = (command: string) => cluster.runProgram('bash', ['-c', command]).ended;
  const binary = join(repositoryRoot, 'bin', 'clusterrunner');

  it('that builds reaches its end and exit code when its output is read in part', async () => {
    const { stdout, stderr } = await shell(
      `{ ${binary} build -j Bad -m ${cluster.master.url}; echo "exit $?" >&2; } | head -1`,
    );
    expect(stdout).to.match(/^Build 1 is accepted by \S+\n$/);
    expect(stderr).to.equal('exit 1\n');
  });

  it('that only shows something ends silently when its output is read in part', async () => {
    await cluster.build(['-j', 'Loud']);
    const { stdout, stderr, exitCode } = await shell(
      `set -o pipefail; ${binary} console 1 0 -m ${cluster.master.url} | head -2`,
    );
    expect({ stdout, stderr, exitCode }).to.deep.equal({ stdout: '1\n2\n', stderr: '', exitCode: 0 });
  });

  it('says of an empty console whether the atom ran', async () => {
    const shown = async (build: number, atom: number) => {
      const words = ['console', String(build), String(atom), '-m', cluster.master.url];
      const { stdout, stderr, exitCode } = await cluster.run(words).ended;
      expect({ stdout, exitCode }).to.deep.equal({ stdout: '', exitCode: 0 });
      return stderr;
    };
    await cluster.build(['-j', 'Bad']);
    expect(await shown(1, 0)).to.equal('Atom 0 of build 1 printed nothing.\n');
    cluster.startBuild(['-j', 'Waits']);
    await eventually('an atom runs', () => cluster.processes().some((line) => / 1000\b/.test(line)));
    await eventually('the master knows', async () => {
      const { atoms } = await cluster.client.listAtoms(toId.build(2), { limit: 3 });
      return atoms.some(({ state }) => state === 'IN_PROGRESS');
    });
    const { atoms } = await cluster.client.listAtoms(toId.build(2), { limit: 3 });
    const states = atoms.map(({ state }) => state);
    expect(await shown(2, states.indexOf('IN_PROGRESS'))).to.match(
      /^Atom \d of build 2 has printed nothing so far\.\n$/,
    );
    expect(await shown(2, states.indexOf('NOT_STARTED'))).to.match(/^Atom \d of build 2 has not run\.\n$/);
  });

  it('searches the console of an atom that runs, and of one that has ended, with the exit code of grep', async () => {
    const search = async (...words: string[]) => {
      const all = ['console', '1', '0', '-m', cluster.master.url, ...words];
      const { stdout, stderr, exitCode } = await cluster.run(all).ended;
      return { stdout, stderr, exitCode };
    };
    const build = cluster.startBuild(['-j', 'Logs']);
    await eventually('the output arrives', async () => {
      const page = await cluster.client.getConsole(toId.build(1), toId.atom(0), {}).catch(() => null);
      return page?.total_num_lines === 20_000;
    });
    const some = { stdout: '19999:line-19999\n', stderr: '', exitCode: 0 };
    expect(await search('--search', 'LINE-19999')).to.deep.equal(some);
    writeFiles(cluster.cwd, { go: '' });
    expect((await build.ended).exitCode).to.equal(0);
    expect(await search('--search', 'LINE-19999')).to.deep.equal(some);
    expect(await search('--search', 'LINE-', '--case')).to.include({ stdout: '20001:LINE-end\n' });
    expect(await search('--search', '^line-\\d5$', '--regex')).to.include({
      stdout: [15, 25, 35, 45, 55, 65, 75, 85, 95].map((n) => `${n}:line-${n}\n`).join(''),
    });
    expect((await search('--search', 'line')).stdout.split('\n')).to.have.length(20_002);
    expect(await search('--search', 'nowhere')).to.deep.equal({ stdout: '', stderr: '', exitCode: 1 });
    const json = JSON.parse((await search('--search', 'end', '--json')).stdout);
    expect(json)
      .to.deep.include({ total_num_lines: 20_001 })
      .and.nested.include({ 'matches[0].line': 20_000 });
    const refused = [['--search', '('], ['--search', ''], ['--case'], ['--search', 'a', '--follow']];
    for (const words of refused) {
      const regex = words.includes('(') ? ['--regex'] : [];
      expect(await search(...words, ...regex), String(words)).to.include({ stdout: '', exitCode: 2 });
    }
  });

  it('whose output cannot be written ends with a message', async function () {
    if (statSync('/dev/full', { throwIfNoEntry: false })?.isCharacterDevice() !== true) {
      this.skip();
    }
    const { stderr, exitCode } = await shell(`${binary} list -m ${cluster.master.url} > /dev/full`);
    expect(stderr).to.match(/^clusterrunner: The output cannot be written: ENOSPC.*\n$/);
    expect(exitCode).to.equal(2);
  });

  it('never replaces a folder with other files: `results --output` refuses it', async () => {
    await cluster.build(['-j', 'Loud']);
    writeFiles(cluster.cwd, { 'src/main.c': 'code' });
    const { exitCode, stderr } = await cluster.run([
      'results',
      '1',
      '--output',
      'src',
      '-m',
      cluster.master.url,
    ]).ended;
    expect(exitCode).to.equal(2);
    expect(stderr).to.contain('holds "main.c"');
    expect(readFileSync(join(cluster.cwd, 'src/main.c'), 'utf8')).to.equal('code');
  });

  it('prints the verdict when the results cannot be written', async () => {
    const { exitCode, stdout, stderr } = await cluster.build(['-j', 'Hides']);
    expect(stdout)
      .to.contain('--- FAILED: ')
      .and.match(/FAILURE: 1 of 1 atom failed in [\d.]+ s\.\n$/);
    expect(stderr).to.contain('it must be a folder').and.contain('`clusterrunner results 1` fetches them');
    expect(exitCode).to.equal(1);
  });

  it('finds the master of the same base directory on any port', async () => {
    const env = { CLUSTERRUNNER_MASTER_PORT: String(await freePort()) };
    const { exitCode, stdout } = await cluster.run(['list'], { env }).ended;
    expect({ exitCode, stdout }).to.deep.include({ exitCode: 0 });
    expect(stdout).to.not.contain('No master');
  });

  it('that runs a slave ends at once at SIGTERM while it looks for its master', async () => {
    const port = await freePort();
    const slave = cluster.run(['slave', '-m', `http://127.0.0.1:${port}`, '-p', '0']);
    await eventually(
      'it tries again',
      () => slave.stderr.includes('Trying again'),
      () => slave.stderr,
    );
    slave.signal('SIGTERM');
    const ended = await slave.ended;
    expect(ended.exitCode).to.equal(0);
    expect(ended.stderr).to.not.contain('clusterrunner:');
  });
});
