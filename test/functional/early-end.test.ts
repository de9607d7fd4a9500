import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { toId } from '../../src/protocol/ids.js';
import { Cluster } from '../support/cluster.js';
import type { Ended } from '../support/processes.js';
import { writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

/** The first two atoms share a subjob on one executor: one fails, the other hangs. */
const JOBS = (root: string, more = '') => `
Hangs:${more}
    atomizers: [{N: seq 8}]
    commands:
        - echo "this is $N"
        - test "$N" != 1 || { touch "${root}/failed"; false; }
        - touch "${root}/hanging"
        - sleep 1000
Dies:
    atomizers: [{N: seq 8}]
    commands:
        - echo "this is $N"; touch "$ARTIFACT_DIR"/file
        - test "$N" != 1 || { sleep 2; echo "it's \\"over\\""; exit 3; }
        - sleep 1000
`;

describe('a build that ends early', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.create();
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': JOBS(cluster.root) });
  });
  afterEach(() => cluster.stop());

  const file = (...path: string[]) => readFileSync(join(cluster.cwd, 'build_results', ...path), 'utf8');
  const sleeps = () => cluster.processes().filter((line) => / 1000\b/.test(line));
  const untilHanging = () =>
    eventually(
      'one atom has failed, and another hangs',
      () => existsSync(join(cluster.root, 'failed')) && sleeps().length > 0,
    );

  /** A build with the shortest timeout that on this machine lets one atom fail and another hang. */
  async function buildThatTimesOut(): Promise<Ended> {
    for (let timeout = 2; ; timeout *= 2) {
      writeFiles(cluster.cwd, {
        'clusterrunner.yaml': JOBS(cluster.root, `\n    build_timeout: ${timeout}s`),
      });
      const ended = await cluster.build(['-j', 'Hangs']);
      if (existsSync(join(cluster.root, 'hanging'))) {
        return ended;
      }
      expect(ended.stderr, 'Nothing but its timeout may end it.').to.contain('build_timeout');
    }
  }

  async function withMaster(): Promise<void> {
    await cluster.startMaster();
    await cluster.startSlave(1);
  }

  function requireKeptResults(): void {
    expect(file('failures.txt')).to.equal('artifact_0_0\n');
    expect(file('artifact_0_0', 'clusterrunner_exit_code')).to.equal('1\n');
    expect(file('artifact_0_0', 'clusterrunner_console_output')).to.equal('this is 1\n');
    expect(file('artifact_0_1', 'clusterrunner_console_output')).to.match(
      /^this is 2\nclusterrunner: the atom was ended after [\d.]+ m?s; it had not finished\.\n$/,
    );
    expect(readdirSync(join(cluster.cwd, 'build_results', 'artifact_0_1'))).not.to.include(
      'clusterrunner_exit_code',
    );
    const cases = [...file('junit.xml').matchAll(/<(failure|error|skipped)\b/g)].map(([, kind]) => kind);
    expect(cases).to.deep.equal(['failure', 'error', ...Array.from({ length: 6 }, () => 'skipped')]);
  }

  function requireNamed({ stdout }: Ended): void {
    expect(stdout).to.match(/^--- FAILED: 1 \(\d.* m?s, .+\)$/m);
    expect(stdout).to.match(
      /^--- RUNNING AT THE END: 2\n {4}It was ended with its build after [\d.]+ m?s on \S+\. /m,
    );
    expect(stdout).to.contain('1 of 8 atoms had ended, 1 of them failed');
  }

  it('has failed at its build_timeout if a test has failed, and keeps finished results and the console of the hung atom', async () => {
    await withMaster();
    const ended = await buildThatTimesOut();
    expect(ended, ended.stderr).to.include({ exitCode: 1 });
    requireNamed(ended);
    requireKeptResults();
  });

  it('fetches finished results after Ctrl-C, and exits with 130', async () => {
    await withMaster();
    const program = cluster.startBuild(['-j', 'Hangs']);
    await untilHanging();
    program.signal('SIGINT');
    const ended = await program.ended;
    expect(ended).to.include({ exitCode: 130, stderr: '' });
    expect(ended.stdout).not.to.contain('\n\n\n');
    requireNamed(ended);
    requireKeptResults();
  });

  it('fetches finished results after Ctrl-C in a cluster of one command too', async () => {
    const program = cluster.startBuild(['-j', 'Hangs']);
    await untilHanging();
    program.signal('SIGINT');
    const ended = await program.ended;
    expect(ended, ended.stderr).to.include({ exitCode: 130 });
    expect(ended.stdout).to.match(/^--- RUNNING AT THE END: /m);
    expect(file('failures.txt')).to.match(/^artifact_0_0\n/);
  });

  it('ends within seconds of `cancel`, and its results can be fetched', async () => {
    await withMaster();
    const program = cluster.startBuild(['-j', 'Hangs']);
    await untilHanging();
    const canceled = await cluster.client.cancelBuild(toId.build(1));
    expect(canceled).to.include({ state: 'CANCELED', num_atoms_done: 1, num_atoms_failed: 1 });
    expect(canceled.interrupted_atoms?.map(({ id }) => id)).to.deep.equal([1]);
    const ended = await program.ended;
    expect(ended).to.include({ exitCode: 1 });
    requireNamed(ended);
    requireKeptResults();
  });

  for (const json of [[], ['--json']]) {
    it(`is left at once at a second Ctrl-C, which reports what is unknown as ${json[0] ?? 'text'}`, async () => {
      // Slaves that cannot deliver, since their master is stopped, would delay the end.
      await withMaster();
      const program = cluster.startBuild(['-j', 'Hangs', ...json]);
      await untilHanging();
      cluster.master.program.signal('SIGSTOP');
      program.signal('SIGINT');
      await eventually('the first Ctrl-C is noticed', () =>
        /once more to leave at once/.test(program.stdout + program.stderr),
      );
      program.signal('SIGINT');
      const { exitCode, stdout, stderr } = await program.ended;
      cluster.master.program.signal('SIGCONT');
      expect(exitCode).to.equal(130);
      const sentence =
        'The master has not confirmed yet that build 1 is canceled; `clusterrunner status 1` says whether it is.';
      if (json.length === 0) {
        expect(stdout.endsWith(`\n${sentence}\n`), stdout).to.equal(true);
      } else {
        expect(stderr.endsWith(`\n${sentence}\n`), stderr).to.equal(true);
        expect(JSON.parse(stdout)).to.include({
          exit_code: 130,
          error: sentence,
          interrupted: true,
          build_id: 1,
          results: null,
        });
      }
    });
  }

  it('has folders for atoms whose end was reported by a slave that was killed before it delivered', async () => {
    await cluster.startMaster(undefined, { env: { CLUSTERRUNNER_END_GRACE: '1' } });
    const slave = await cluster.startSlave(1);
    const program = cluster.startBuild(['-j', 'Dies']);
    const build = toId.build(1);
    const [first, second] = [toId.atom(0), toId.atom(1)];
    await eventually('the first atom has ended, and what both say has arrived', async () => {
      const { builds } = await cluster.client.listBuilds({ limit: 1 });
      if (builds[0]?.state !== 'BUILDING') {
        return false;
      }
      const { exit_code } = await cluster.client.getAtom(build, first);
      const { content } = await cluster.client.getConsole(build, second, {});
      return exit_code === 3 && content !== '';
    });
    slave.signal('SIGKILL');
    await cluster.client.cancelBuild(build);
    expect(await program.ended).to.include({ exitCode: 1 });
    const files = cluster.results().filter((name) => !['junit.xml', 'report.html'].includes(name));
    const ofBoth = ['command', 'console_output', 'notes', 'time'];
    expect(files).to.have.members([
      'failures.txt',
      ...[...ofBoth, 'exit_code'].map((name) => `artifact_0_0/clusterrunner_${name}`),
      ...ofBoth.map((name) => `artifact_0_1/clusterrunner_${name}`),
    ]);
    expect(file('failures.txt')).to.equal('artifact_0_0\n');
    expect(file('artifact_0_0', 'clusterrunner_exit_code')).to.equal('3\n');
    expect(file('artifact_0_0', 'clusterrunner_console_output')).to.match(/^this is 1\n/);
    expect(file('artifact_0_0', 'clusterrunner_notes')).to.contain('files of ARTIFACT_DIR are missing');
    expect(file('artifact_0_1', 'clusterrunner_console_output')).to.equal('this is 2\n');
    const script = join(cluster.cwd, 'build_results', 'artifact_0_0', 'clusterrunner_command');
    const env = { ARTIFACT_DIR: join(cluster.root, 'again') };
    const blind = await cluster.runProgram('sh', [script], { env }).ended;
    expect(blind).to.include({
      exitCode: 2,
      stdout: '',
      stderr: 'Set PROJECT_DIR to a checkout of the project.\n',
    });
    const again = await cluster.runProgram('sh', [script], { env: { ...env, PROJECT_DIR: cluster.cwd } })
      .ended;
    expect(again).to.include({ exitCode: 3, stdout: 'this is 1\nit\'s "over"\n' });
  });

  it('keeps the finished atoms of a slave that stops, and runs only the rest elsewhere', async () => {
    await cluster.startMaster();
    const first = await cluster.startSlave(1);
    const program = cluster.startBuild(['-j', 'Hangs']);
    await untilHanging();
    first.signal('SIGTERM');
    await first.ended;
    const { atoms } = await cluster.client.listAtoms(toId.build(1), { offset: 0, limit: 8 });
    expect(atoms.slice(0, 3).map(({ state, outcome }) => [state, outcome])).to.deep.equal([
      ['COMPLETED', 'FAILED'],
      ['IN_PROGRESS', null],
      ['NOT_STARTED', null],
    ]);
    program.signal('SIGINT');
    const ended = await program.ended;
    expect(ended).to.include({ exitCode: 130 });
    expect(file('artifact_0_0', 'clusterrunner_exit_code')).to.equal('1\n');
    // An interrupted atom would have run again from its beginning elsewhere.
    expect(existsSync(join(cluster.cwd, 'build_results', 'artifact_0_1'))).to.equal(false);
  });
});
