import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { toId } from '../../src/protocol/ids.js';
import { Cluster } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

interface Line {
  readonly level: number;
  readonly time: number;
  readonly msg: string;
  readonly build?: number;
  readonly subjob?: number | string;
  readonly slave?: string;
}

const INFO = 30;
const DEBUG = 20;

describe('the log of a master', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.create();
  });
  afterEach(() => cluster.stop());

  const lines = (): Line[] =>
    cluster.master.program.stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));

  it('tells at info the life of each build and slave, with their ids as fields, and nothing of leases', async () => {
    await cluster.startMaster();
    const slave = await cluster.startSlave(1);
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': 'J: {atomizers: [{N: seq 2}], commands: ["test $N = 1"]}\n',
    });
    await cluster.build([]);
    slave.signal('SIGTERM');
    await slave.ended;
    const said = await eventually('the slave has left', () => {
      const messages = lines().map(({ msg }) => msg);
      return messages.includes('The slave slave-1 has left.') ? messages : null;
    });
    const story = said.filter((message) => !message.startsWith('Taken from'));
    expect(story).to.deep.equal([
      'The slave slave-1 has joined.',
      'A build is accepted.',
      'A build is prepared: 2 atoms in 2 subjobs.',
      'A build has ended: FINISHED, FAILURE.',
      'The slave slave-1 has left.',
    ]);
    expect(lines().filter(({ msg }) => msg.startsWith('A build'))).to.satisfy((found: Line[]) =>
      found.every(({ build, level }) => build === 1 && level === INFO),
    );
  });

  it('tells at info that a slave drains, and that it has left', async () => {
    await cluster.startMaster();
    const slave = await cluster.startSlave(1);
    const { slaves } = await cluster.client.listSlaves({});
    await cluster.client.drainSlaves(slaves.map(({ id }) => id));
    await slave.ended;
    const said = await eventually('the slave has left', () => {
      const messages = lines().map(({ msg }) => msg);
      return messages.includes('The slave slave-1 has left.') ? messages : null;
    });
    expect(said).to.include('The slave slave-1 drains: it finishes its work, and then leaves.');
  });

  it('shows at debug which lease a build waited for', async () => {
    await cluster.startMaster(['-p', '0', '--verbose']);
    await cluster.startSlave(2);
    const gate = join(cluster.root, 'gate');
    const begun = join(cluster.root, 'begun');
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': `J:
    atomizers: [{N: seq 4}]
    commands: ['[ $N != 3 ] || { touch ${begun}; until [ -e ${gate} ]; do sleep 0.02; done; }']
`,
    });
    const build = cluster.startBuild([]);
    const accepted = () => lines().filter(({ msg }) => msg.startsWith('A result is accepted'));
    await eventually('all but one are done', () => existsSync(begun) && accepted().length === 3);
    const taken = lines().filter(
      ({ msg, subjob }) => msg.startsWith('A lease begins') && subjob !== 'preparation',
    );
    const ended = new Set(accepted().map(({ subjob }) => subjob));
    const open = taken.filter(({ subjob }) => !ended.has(subjob));
    writeFileSync(gate, '');
    await build.ended;
    expect(open.map(({ build: id, slave, level }) => ({ id, slave, level }))).to.deep.equal([
      { id: 1, slave: 'slave-1', level: DEBUG },
    ]);
    const { atoms } = await cluster.client.listAtoms(toId.build(1), { limit: 10 });
    const slow = atoms.filter(({ subjob_id }) => open.some(({ subjob }) => subjob === subjob_id));
    expect(slow.map(({ command_string }) => command_string)).to.deep.equal(['export N=3;']);
  });

  it('holds neither the secret nor the value of an atom', async () => {
    await cluster.startMaster(['-p', '0', '--verbose']);
    await cluster.startSlave(1);
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': 'J: {atomizers: [{N: echo hidden-value}], commands: ["true"]}\n',
    });
    await cluster.build([]);
    await eventually('the build is over', () =>
      lines().some(({ msg }) => msg.startsWith('A build has ended')),
    );
    expect(cluster.master.program.stderr).not.to.contain(cluster.secret).and.not.to.contain('hidden-value');
  });
});
