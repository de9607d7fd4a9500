import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { GitProject, writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

const ONE_JOB = `
Only:
    atomizers:
        - T: echo first
    commands:
        - echo "T is $T"
`;

interface LoggedEvent {
  readonly __id__: number;
  readonly __tag__: string;
  readonly __timestamp__: number;
}

/** The events in a file of JSON lines. */
function eventsIn(file: string): LoggedEvent[] {
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
    : [];
}

describe('an installation with the files and commands of ClusterRunner 0.x', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.create();
    writeFileSync(
      join(cluster.baseDirectory, 'clusterrunner.conf'),
      [
        '[general]',
        `secret = ${cluster.secret}`,
        'log_level = DEBUG',
        '[master]',
        'log_filename = master.log',
        'eventlog_filename = events.log',
        'num_executors = 2',
        '[slave]',
        'log_filename = slave.log',
        '',
      ].join('\n'),
      { mode: 0o600 },
    );
    await cluster.startMaster();
    const slave = cluster.run(['slave', '-m', cluster.master.url, '-p', '0', '--eventlog-file', 'STDOUT'], {
      env: { CLUSTERRUNNER_HOSTNAME: 'slave-1' },
    });
    await slave.says(/^Slave is connected to \S+ with 2 executors$/m);
    await slave.says(/"__tag__":"SERVICE_STARTED"/);
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': ONE_JOB });
  });
  after(() => cluster.stop());

  const logOf = (name: string) => join(cluster.baseDirectory, 'log', name);

  it('has services whose process is called clusterrunner', () => {
    const { pid } = cluster.master.program;
    expect(readFileSync(`/proc/${pid}/comm`, 'utf8')).to.equal('clusterrunner\n');
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', '')).to.equal('clusterrunner');
  });

  it('keeps the log of each service in the file that its section of the configuration names', async () => {
    await eventually('both logs are written', () =>
      ['master.log', 'slave.log'].every((name) => existsSync(logOf(name))),
    );
    await eventually('the misplaced key is in the log of the master', () =>
      readFileSync(logOf('master.log'), 'utf8').includes('num_executors'),
    );
  });

  it('writes the events of a build with __id__, __tag__ and __timestamp__', async () => {
    const { exitCode, stdout, stderr } = await cluster.build([]);
    expect(exitCode, stdout + stderr).to.equal(0);
    await eventually('the end of the build is in the event log', () =>
      eventsIn(logOf('events.log')).some(({ __tag__ }) => __tag__ === 'BUILD_ENDED'),
    );
    const events = eventsIn(logOf('events.log'));
    expect(events.map(({ __id__ }) => __id__)).to.deep.equal(
      events.map(({ __id__ }) => __id__).sort((a, b) => a - b),
    );
    expect(events.every(({ __timestamp__ }) => __timestamp__ > 1e9)).to.equal(true);
  });

  it('builds a repository without -j when its clusterrunner.yaml has one job', async () => {
    const project = await GitProject.create(join(cluster.root, 'project'), { 'clusterrunner.yaml': ONE_JOB });
    const { exitCode, stdout, stderr } = await cluster.build(['git', '--url', project.url]);
    expect(exitCode, stdout + stderr).to.equal(0);
  });

  it('lists the jobs when a repository has several and none is named', async () => {
    const project = await GitProject.create(join(cluster.root, 'several'), {
      'clusterrunner.yaml': `${ONE_JOB}Other:\n    atomizers:\n        - A: echo\n    commands:\n        - 'true'\n`,
    });
    const { exitCode, stderr } = await cluster.build(['git', '--url', project.url]);
    expect(exitCode).to.equal(2);
    expect(stderr).to.match(/several jobs; name one of Only, Other/);
  });

  it('runs atoms that are given as shell text of version 0.x with their values', async () => {
    const { exitCode, stdout, stderr } = await cluster.build(['--atoms-override', '["export T=\\"2\\";"]']);
    expect(exitCode, stdout + stderr).to.equal(0);
    expect(cluster.result(0, 'clusterrunner_console_output')).to.equal('T is 2\n');
  });

  it('runs a job that is given as JSON', async () => {
    const config = { commands: ['echo "given $A"'], atomizers: [{ A: 'echo x' }] };
    const { exitCode, stdout, stderr } = await cluster.build(['--config', JSON.stringify(config)]);
    expect(exitCode, stdout + stderr).to.equal(0);
    expect(cluster.result(0, 'clusterrunner_console_output')).to.equal('given x\n');
  });

  it('drains the slaves that -s names, or all with -a', async () => {
    const { exitCode, stdout } = await cluster.run(['shutdown', '-m', cluster.master.url, '-s', '1']).ended;
    expect(exitCode).to.equal(0);
    expect(stdout).to.match(/^Slave 1 finishes what it runs/);
    const all = await cluster.run(['shutdown', '-m', cluster.master.url, '-a']).ended;
    expect(all.exitCode).to.equal(0);
  });

  it('is stopped by `clusterrunner stop`', async () => {
    const { exitCode, stdout } = await cluster.run(['stop']).ended;
    expect(exitCode).to.equal(0);
    expect(stdout).to.include(`Stopped the master with process number ${cluster.master.program.pid}`);
    expect((await cluster.master.program.ended).exitCode).to.equal(0);
  });
});

describe('a configuration of ClusterRunner 0.x without a running master', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.create();
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': ONE_JOB });
    writeFileSync(
      join(cluster.baseDirectory, 'clusterrunner.conf'),
      `[general]\nsecret = ${cluster.secret}\nslaves = h1, h2\n[slave]\nmaster_hostname = localhost\n`,
      { mode: 0o600 },
    );
  });
  after(() => cluster.stop());

  it('starts a cluster of its own, and says that the slaves it lists take no part', async () => {
    const { exitCode, stdout, stderr } = await cluster.build([]);
    expect(exitCode, stdout + stderr).to.equal(0);
    expect(stdout).to.include('started one with');
    expect(stderr).to.match(/warning: The build runs on this machine alone: \S+ lists the slaves h1, h2/);
  });
});
