import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

describe('a master whose store was removed', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.create();
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml':
        `First: {atomizers: [{N: seq 1}], commands: ['touch first', ${waitFor('go-first')}]}\n` +
        `Second: {atomizers: [{N: seq 1}], commands: ['touch second', ${waitFor('go-second')}, exit 1]}\n`,
    });
    await cluster.startMaster();
  });
  afterEach(() => cluster.stop());

  const waitFor = (file: string) => `'until [ -e ${file} ]; do sleep 0.02; done'`;
  const there = (file: string) =>
    eventually(
      `${file} is there`,
      () => existsSync(join(cluster.cwd, file)),
      () => '',
    );
  const homeOf = (name: string) => {
    const home = join(cluster.root, name);
    mkdirSync(home, { recursive: true });
    return { env: { CLUSTERRUNNER_BASE_DIRECTORY: home, CLUSTERRUNNER_SECRET: cluster.secret } };
  };
  const outbox = () => {
    const directory = join(cluster.root, 'home-1', 'slaves', 'slave-1', 'outbox');
    return existsSync(directory) ? readdirSync(directory) : [];
  };

  it('refuses a result that was made for the master before', async () => {
    const { port, program } = cluster.master;
    const slave = await cluster.startSlave(1, homeOf('home-1'));
    const before = cluster.startBuild(['-j', 'First']);
    await there('first');
    program.signal('SIGKILL');
    await program.ended;
    writeFiles(cluster.cwd, { 'go-first': '' });
    await eventually('a result waits', () => outbox().some((name) => name.endsWith('.json')), outbox);
    slave.signal('SIGKILL');
    await slave.ended;
    before.signal('SIGKILL');
    await before.ended;

    rmSync(join(cluster.baseDirectory, 'master'), { recursive: true });
    await cluster.startMaster(['-p', String(port)]);
    await cluster.startSlave(1, homeOf('home-2'));
    const after = cluster.startBuild(['-j', 'Second']);
    await there('second');
    await cluster.startSlave(1, homeOf('home-1'));
    await eventually('the old result is not kept', () => outbox().length === 0, outbox);
    writeFiles(cluster.cwd, { 'go-second': '' });
    const { exitCode, stdout } = await after.ended;
    expect(stdout).to.match(/^Build 1 is accepted/m);
    expect(exitCode, stdout).to.equal(1);
  });

  it('gives all slaves that are still running new numbers and work', async () => {
    const { port, program } = cluster.master;
    await Promise.all([cluster.startSlave(1, homeOf('home-1')), cluster.startSlave(1, homeOf('home-2'))]);
    program.signal('SIGKILL');
    await program.ended;
    rmSync(join(cluster.baseDirectory, 'master'), { recursive: true });
    await cluster.startMaster(['-p', String(port)]);
    const names = async () => (await cluster.client.listSlaves({ limit: 10 })).slaves.map(({ name }) => name);
    let found: string[] = [];
    await eventually(
      'both are known',
      async () => {
        found = await names();
        return found.length === 2;
      },
      () => found,
    );
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': `Both: {atomizers: [{N: seq 2}], commands: ['touch "at-$N"', 'until [ -e at-1 ] && [ -e at-2 ]; do sleep 0.02; done']}\n`,
    });
    const { exitCode, stdout } = await cluster.build([]);
    expect(exitCode, stdout).to.equal(0);
  });
});
