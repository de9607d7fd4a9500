import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import type { Program } from '../support/processes.js';
import { writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

const ATOMS = 6;

describe('a build of which a process is killed', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.create();
    writeFiles(cluster.cwd, {
      // Every atom leaves a note that it runs, and ends when the test permits it.
      'clusterrunner.yaml': `
Waits:
    atomizers:
        - N: seq ${ATOMS}
    commands:
        - echo "$N" >> "${cluster.root}/log"
        - until [ -e "${cluster.root}/go" ]; do sleep 0.02; done
        - echo "done $N"
`,
    });
    await cluster.startMaster(undefined, { env: shortLease });
  });
  afterEach(() => cluster.stop());

  const shortLease = { CLUSTERRUNNER_UNRESPONSIVE_SLAVES_CLEANUP_INTERVAL: '2' };
  const log = () => {
    const file = join(cluster.root, 'log');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  };
  const running = (count: number) =>
    eventually(`${count} atoms have begun`, () => log().length >= count, log);
  const permitEnd = () => writeFiles(cluster.root, { go: '' });
  const kill = async (program: Program) => {
    program.signal('SIGKILL');
    await program.ended;
  };
  const expectSuccess = async (build: Program) => {
    const ended = await build.ended;
    expect(ended, ended.stdout + ended.stderr).to.include({ exitCode: 0, stderr: '' });
    expect(ended.stdout).to.contain(`SUCCESS: ${ATOMS} atoms passed`);
    const atoms = readdirSync(join(cluster.cwd, 'build_results'))
      .filter((name) => name.startsWith('artifact_'))
      .map((name) => Number(name.split('_')[2]));
    expect(new Set(atoms)).to.deep.equal(new Set(Array(ATOMS).keys()));
  };

  it('is finished by another slave when its slave is killed', async () => {
    const doomed = await cluster.startSlave(2);
    const build = cluster.startBuild([]);
    await running(2);
    await kill(doomed);
    await cluster.startSlave(2);
    // Until their lease ends the other slave has its own two atoms; those of the killed slave follow.
    permitEnd();
    await expectSuccess(build);
    expect(new Set(log())).to.have.property('size', ATOMS);
  });

  it('is finished by the same slave when its slave is restarted', async () => {
    const first = await cluster.startSlave(2);
    const build = cluster.startBuild([]);
    await running(2);
    await kill(first);
    permitEnd();
    await cluster.startSlave(2);
    await expectSuccess(build);
  });

  it('ends with SUCCESS for the waiting client when the master is killed and restarted', async () => {
    await cluster.startSlave(2);
    const { port, program } = cluster.master;
    const build = cluster.startBuild([]);
    await running(2);
    await kill(program);
    const away = /^The master does not respond; requests are retried for 15 minutes at most\.$/m;
    const shown = () => build.stdout;
    await eventually('the client says that the master is away', () => away.test(build.stdout), shown);
    await cluster.startMaster(['-p', String(port)], { env: shortLease });
    await eventually(
      'the client says that it is back',
      () => /^The master responds again, after .* s\.$/m.test(build.stdout),
      shown,
    );
    permitEnd();
    await expectSuccess(build);
    expect(build.stdout.split('\n').filter((line) => away.test(line))).to.have.length(1);
  });

  it('runs no atom twice when the master is away for a while', async () => {
    await cluster.startSlave(2);
    const { port, program } = cluster.master;
    const build = cluster.startBuild([]);
    await running(2);
    await kill(program);
    await cluster.startMaster(['-p', String(port)], { env: shortLease });
    permitEnd();
    await expectSuccess(build);
    expect(log().sort()).to.deep.equal([...Array(ATOMS).keys()].map((index) => String(index + 1)));
  });

  it('keeps the results of atoms that ended while the master was away', async () => {
    await cluster.startSlave(ATOMS);
    const { port, program } = cluster.master;
    const build = cluster.startBuild([]);
    await running(ATOMS);
    await kill(program);
    permitEnd();
    await eventually('all commands have ended', () => commands().length === 0, commands);
    await cluster.startMaster(['-p', String(port)], { env: shortLease });
    await expectSuccess(build);
    expect(log()).to.have.length(ATOMS);
  });

  it('is numbered above earlier builds after a restart of the master', async () => {
    await cluster.startSlave(2);
    permitEnd();
    await cluster.build([]);
    const { port, program } = cluster.master;
    await kill(program);
    await cluster.startMaster(['-p', String(port)]);
    const { stdout } = await cluster.build([]);
    expect(stdout).to.match(/^Build 2 is accepted/m);
  });

  /** Without the shells that wait for more of the build. */
  const commands = () => cluster.processes().filter((line) => line.includes(join(cluster.root, 'go')));
});
