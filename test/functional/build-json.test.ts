import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { Value } from '@sinclair/typebox/value';
import { expect } from 'chai';
import { type BuildOutcome, BuildOutcomeSchema } from '../../src/cli/build/outcome.js';
import { Cluster } from '../support/cluster.js';
import type { Ended } from '../support/processes.js';
import { GitProject, writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

/** The object as a calling program reads it. */
function outcome({ stdout }: Ended): BuildOutcome {
  const read: unknown = JSON.parse(stdout);
  if (!Value.Check(BuildOutcomeSchema, read)) {
    const [error] = Value.Errors(BuildOutcomeSchema, read);
    throw new Error(`${error?.path}: ${error?.message} in ${stdout}`);
  }
  return read;
}

const jobs = `
Mixed:
    atomizers:
        - N: seq 3
    commands:
        - 'printf "\\033[31matom\\033[0m %s\\n" "$N"'
        - '[ $N != 2 ]'
Hangs:
    atomizers:
        - N: seq 2
    commands:
        - '[ $N = 2 ] || exit 3'
        - touch $HERE/hangs
        - sleep 3600
InTheWay:
    atomizers:
        - N: seq 1
    commands:
        - touch $HERE/cwd/reports
Broken:
    setup_build:
        - exit 9
    atomizers:
        - N: seq 1
    commands:
        - 'true'
`;

describe('build --json', () => {
  let cluster: Cluster;
  let project: GitProject;
  before(async () => {
    cluster = await Cluster.start(1);
    project = await GitProject.create(join(cluster.root, 'project'), {
      'clusterrunner.yaml': jobs.replaceAll('$HERE', cluster.root),
    });
  });
  after(() => cluster.stop());

  it('prints the outcome of the build on stdout, and all text for people on stderr', async () => {
    const ended = await cluster.build(['--url', project.url, '-j', 'Mixed', '--json']);
    const read = outcome(ended);
    const results = realpathSync(join(cluster.cwd, 'build_results'));
    const { failed_atoms: failed, seconds, revision, ...rest } = read;
    expect(rest).to.deep.equal({
      exit_code: 1,
      error: null,
      interrupted: false,
      build_id: 1,
      url: `${cluster.master.url}/v1/build/1`,
      page: `${cluster.master.url}/ui/build/1`,
      status: 'FAILURE',
      state: 'FINISHED',
      result: 'FAILURE',
      results,
      report: join(results, 'report.html'),
      num_atoms: 3,
      num_atoms_done: 3,
      num_atoms_failed: 1,
      num_atoms_lost: 0,
      num_atoms_flaky: 0,
      num_atoms_cached: 0,
      tests: null,
      flaky_atoms: [],
      interrupted_atoms: [],
    });
    expect(ended.exitCode).to.equal(1);
    expect(seconds).to.be.greaterThan(0);
    expect(revision?.commit).to.match(/^[0-9a-f]{40}$/);
    const [atom] = failed;
    const { seconds: ran, ...facts } = atom ?? expect.fail('No atom is said to have failed.');
    expect(failed).to.have.length(1);
    expect(ran).to.be.a('number');
    expect(facts).to.deep.equal({
      id: 1,
      name: '2',
      outcome: 'FAILED',
      exit_code: 1,
      slave: 'slave-1',
      error: null,
      directory: join(results, cluster.folder(1)),
      console_end: 'atom 2',
    });
    expect(ended.stderr)
      .to.contain('accepted by')
      .and.contain('--- FAILED: 2')
      .and.match(/FAILURE: 1 of 3 atoms failed/);
  });

  it('opens the page of the build with the program that BROWSER names', async () => {
    const opened = join(cluster.root, 'opened');
    writeFiles(cluster.root, {
      browser: `#!/bin/sh\nprintf '%s' "$*" > ${opened}.new && mv ${opened}.new ${opened}\n`,
    });
    const env = { BROWSER: join(cluster.root, 'browser') };
    const ended = await cluster.build(['--url', project.url, '-j', 'Mixed', '--json', '--open'], { env });
    const { page } = outcome(ended);
    await eventually(
      'the browser was called',
      () => existsSync(opened),
      () => ended.stderr,
    );
    expect(readFileSync(opened, 'utf8')).to.equal(page);
    const { stderr, exitCode } = await cluster.build(['--url', project.url, '-j', 'Mixed', '--open']);
    expect(exitCode).to.equal(1);
    expect(stderr).to.contain('No browser is opened: there is no display here');
  });

  it('names the build and the reason when the setup fails', async () => {
    const ended = await cluster.build(['--url', project.url, '-j', 'Broken', '--json']);
    const read = outcome(ended);
    expect(read).to.include({ exit_code: 2, build_id: 4, state: 'ERROR', status: 'FAILURE', results: null });
    expect(read.error).to.contain('setup_build exited with 9');
    expect(ended.exitCode).to.equal(2);
  });

  it('prints an object when nothing is built, whatever the reason', async () => {
    for (const [args, reason] of [
      [['--no-such-option'], "unknown option '--no-such-option'"],
      [['svn'], '"svn" is not a type of build'],
      [['--url', project.url, '--output', '.'], 'which is no result of a build'],
      [[], 'There is no clusterrunner.yaml'],
      [['--verbose', '--quiet'], 'not both'],
      [['--priority', '9', '--url', project.url], '--priority must be'],
    ] as const) {
      const ended = await cluster.build([...args, '--json']);
      const read = outcome(ended);
      expect(read, reason).to.include({ exit_code: 2, build_id: null, status: null, results: null });
      expect(read.error).to.contain(reason);
      expect(ended.exitCode).to.equal(2);
      expect(ended.stderr).to.contain(reason);
    }
    const nobody = await cluster.run(['build', '--url', project.url, '-m', '127.0.0.1:1', '--json']).ended;
    expect(outcome(nobody)).to.include({ exit_code: 2, build_id: null, url: null });
  });

  it('reports results that are missing although there is a verdict', async () => {
    const args = ['--url', project.url, '-j', 'InTheWay', '--json', '--junit', 'reports/a.xml'];
    const ended = await cluster.build(args);
    const read = outcome(ended);
    expect(read.result).to.equal('SUCCESS');
    expect(read.exit_code).to.equal(2);
    expect(read.error).to.contain('The JUnit report could not be written');
  });

  it('reports finished and running atoms when it is interrupted', async () => {
    const run = cluster.startBuild(['--url', project.url, '-j', 'Hangs', '--json', '--output', 'cut']);
    await eventually('the second atom runs', () => existsSync(join(cluster.root, 'hangs')));
    run.signal('SIGINT');
    const ended = await run.ended;
    const read = outcome(ended);
    expect(ended.exitCode).to.equal(130);
    expect(read).to.include({ exit_code: 130, interrupted: true, state: 'CANCELED', num_atoms_failed: 1 });
    expect(read.failed_atoms).to.have.length(1);
    expect(read.failed_atoms[0]).to.include({ name: '1', exit_code: 3 });
    expect(read.interrupted_atoms).to.have.length(1);
    expect(read.interrupted_atoms[0]).to.include({ name: '2', outcome: 'INTERRUPTED', exit_code: null });
    expect(read.results).to.equal(realpathSync(join(cluster.cwd, 'cut')));
  });

  it('prints only fields that docs/results.md describes', () => {
    const [, section = ''] =
      /## For programs\n([\s\S]*?)\n## /.exec(readFileSync('docs/results.md', 'utf8')) ?? [];
    const { properties } = BuildOutcomeSchema;
    for (const name of [
      ...Object.keys(properties),
      ...Object.keys(properties.failed_atoms.items.properties),
    ]) {
      expect(section).to.contain(`\`${name}\``);
    }
  });
});

describe('build --json on a machine without a master', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.create();
  });
  after(() => cluster.stop());

  it('prints no build URL, and says on stderr where a build of --url runs', async () => {
    const project = await GitProject.create(join(cluster.root, 'project'), { 'clusterrunner.yaml': jobs });
    const ended = await cluster.build([
      '--url',
      project.url,
      '-j',
      'Mixed',
      '--atoms-override',
      '["1"]',
      '--json',
    ]);
    expect(outcome(ended)).to.include({ exit_code: 0, result: 'SUCCESS', build_id: 1, url: null });
    expect(ended.stderr).to.contain(
      'The build runs on this machine alone: no master is named, and none is running here.',
    );
  });
});
