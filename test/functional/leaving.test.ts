import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

describe('a cluster whose slaves or master leave', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.create();
    // Every atom records its slave, and ends when the test permits it.
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml':
        'Waits: {atomizers: [{N: seq 2}], commands: [\'echo "$N" >> ran\', "until [ -e go ]; do sleep 0.02; done"]}\n',
    });
    await cluster.startMaster();
  });
  afterEach(() => cluster.stop());

  const ran = () => {
    const file = join(cluster.cwd, 'ran');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  };
  const running = (count: number) =>
    eventually(`${count} atoms have begun`, () => ran().length >= count, ran);
  const permitEnd = () => writeFiles(cluster.cwd, { go: '' });
  const states = async () =>
    (await cluster.client.listSlaves({ limit: 10 })).slaves.map(({ name, state }) => `${name} ${state}`);
  const expectSuccess = async (build: { ended: Promise<{ exitCode: number; stdout: string }> }) => {
    const { exitCode, stdout } = await build.ended;
    expect(exitCode, stdout).to.equal(0);
  };

  it('lets a slave finish its work, take no more, and exit after `shutdown`', async () => {
    const slave = await cluster.startSlave(1);
    const build = cluster.startBuild([]);
    await running(1);
    const { stdout } = await cluster.run(['shutdown', 'slave-1', '-m', cluster.master.url]).ended;
    expect(stdout).to.equal('Slave 1 finishes what it runs, takes no more, and leaves.\n');
    expect(await states()).to.deep.equal(['slave-1 DRAINING']);
    permitEnd();
    expect((await slave.ended).exitCode).to.equal(0);
    expect(ran()).to.deep.equal(['1']);
    await cluster.startSlave(1);
    await expectSuccess(build);
    expect(ran()).to.have.members(['1', '2']);
  });

  it('drains all slaves with `shutdown --all`, and says so as JSON with --json', async () => {
    const slaves = [await cluster.startSlave(1), await cluster.startSlave(1)];
    const { stdout } = await cluster.run(['shutdown', '--all', '--json', '-m', cluster.master.url]).ended;
    expect(JSON.parse(stdout)).to.deep.equal({ slave_ids: [1, 2] });
    for (const slave of slaves) {
      expect((await slave.ended).exitCode).to.equal(0);
    }
    expect(await states()).to.deep.equal(['slave-1 GONE', 'slave-2 GONE']);
  });

  it('remembers a drained slave when the master is killed', async () => {
    const slave = await cluster.startSlave(1);
    const { port, program } = cluster.master;
    slave.signal('SIGSTOP');
    await cluster.client.drainSlaves('all');
    program.signal('SIGKILL');
    await program.ended;
    await cluster.startMaster(['-p', String(port)]);
    slave.signal('SIGCONT');
    expect((await slave.ended).exitCode).to.equal(0);
  });

  it('gives the work of a slave that gets SIGTERM to another at once', async () => {
    const slave = await cluster.startSlave(2);
    const build = cluster.startBuild([]);
    await running(2);
    slave.signal('SIGTERM');
    expect((await slave.ended).exitCode).to.equal(0);
    await cluster.startSlave(2);
    await running(4);
    permitEnd();
    await expectSuccess(build);
  });

  it('lets a slave with --finish-on-stop finish its work after SIGTERM', async () => {
    const slave = cluster.run(['slave', '--finish-on-stop', '-m', cluster.master.url, '-e', '2', '-p', '0']);
    await slave.says(/^Slave is connected/m);
    const build = cluster.startBuild([]);
    await running(2);
    slave.signal('SIGTERM');
    await eventually(
      'it takes no more',
      async () => /it finishes|takes no more/.test(slave.stderr),
      () => slave.stderr,
    );
    permitEnd();
    await expectSuccess(build);
    expect((await slave.ended).exitCode).to.equal(0);
    expect(ran()).to.have.members(['1', '2']);
  });

  it('stops a slave with --finish-on-stop at once at a second SIGTERM', async () => {
    const slave = cluster.run(['slave', '--finish-on-stop', '-m', cluster.master.url, '-e', '2', '-p', '0']);
    await slave.says(/^Slave is connected/m);
    const build = cluster.startBuild([]);
    await running(2);
    slave.signal('SIGTERM');
    await eventually(
      'it takes no more',
      async () => /it finishes|takes no more/.test(slave.stderr),
      () => slave.stderr,
    );
    slave.signal('SIGTERM');
    expect((await slave.ended).exitCode).to.equal(0);
    await cluster.startSlave(2);
    permitEnd();
    await expectSuccess(build);
  });

  it('stops the master with exit code 0 at SIGTERM although polls of slaves and clients are open', async () => {
    await cluster.startSlave(2);
    const { port, program } = cluster.master;
    const build = cluster.startBuild([]);
    await running(2);
    program.signal('SIGTERM');
    expect((await program.ended).exitCode).to.equal(0);
    await cluster.startMaster(['-p', String(port)]);
    permitEnd();
    await expectSuccess(build);
    expect(ran()).to.have.length(2);
  });

  it('stops master and slaves of the base directory with `stop`', async () => {
    const slave = await cluster.startSlave(1);
    const { exitCode, stdout } = await cluster.run(['stop']).ended;
    expect(stdout).to.match(/^Stopped the slave .*\nStopped the master .*\n$/);
    expect(exitCode).to.equal(0);
    expect((await slave.ended).exitCode).to.equal(0);
    expect((await cluster.master.program.ended).exitCode).to.equal(0);
    expect((await cluster.run(['stop']).ended).stdout).to.match(/^No master or slave/);
  });
});
