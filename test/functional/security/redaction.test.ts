import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { toId } from '../../../src/protocol/ids.js';
import { Cluster } from '../../support/cluster.js';
import { writeFiles } from '../../support/project.js';
import { eventually } from '../../support/wait.js';

const TOKEN = 'tk-1f9a77';
const KEY = 'line one of the key\nline two of the key';
const JOB = `
Show:
    atomizers: [{N: seq 2}]
    commands:
        - echo "before"
        - printf %s "\${DEPLOY_TOKEN:0:4}"
        - sleep 1.2
        - printf '%s\\n' "\${DEPLOY_TOKEN:4}"
        - echo "$SIGNING_KEY"
        - echo "after"
        - if [ "$N" = 2 ]; then until [ -e "$GATE" ]; do sleep 0.05; done; fi
        - exit 1
Broken:
    setup_build: ['echo "token is $DEPLOY_TOKEN"', exit 3]
    atomizers: [{N: seq 1}]
    commands: ["true"]
Unlisted:
    atomizers: [{N: 'echo "$DEPLOY_TOKEN"; exit 4'}]
    commands: ["true"]
Fails:
    atomizers: [{N: seq 3}]
    commands: ["echo attempt $N with $DEPLOY_TOKEN; exit $((N - 1))"]
Environment:
    atomizers: [{N: seq 1}]
    commands: [env]
`;

describe('the environment and output of commands', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.create();
    await cluster.startMaster();
    await cluster.startSlave(2, {
      env: {
        DEPLOY_TOKEN: TOKEN,
        SIGNING_KEY: KEY,
        GATE: join(cluster.root, 'gate'),
        UNMENTIONED: 'of the slave alone',
        CLUSTERRUNNER_SECRET: cluster.secret,
        CLUSTERRUNNER_ENV_PASSTHROUGH: 'TEST_CLUSTER, DEPLOY_*, SIGNING_KEY, GATE, CLUSTERRUNNER_*',
        CLUSTERRUNNER_REDACT: 'DEPLOY_TOKEN, SIGNING_KEY',
      },
    });
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': JOB });
  });
  after(() => cluster.stop());

  const masked = [
    'before',
    '*'.repeat(TOKEN.length),
    ...KEY.split('\n').map((line) => '*'.repeat(line.length)),
    'after',
  ];

  it('hide the values of the variables in `redact` in consoles, live and kept, and keep their lines', async () => {
    const build = cluster.startBuild(['-j', 'Show']);
    const atom = toId.atom(1);
    const live = await eventually('the atom has shown all of it', async () => {
      const { builds } = await cluster.client.listBuilds({ offset: 0, limit: 1 });
      const [newest] = builds;
      const page = newest && (await cluster.client.getConsole(newest.id, atom, {}).catch(() => null));
      expect(page?.content ?? '').not.to.contain(TOKEN.slice(0, 4));
      return page?.content.includes('after') === true ? page : null;
    });
    expect(live.content.trimEnd().split('\n')).to.deep.equal(masked);
    writeFiles(cluster.root, { gate: '' });
    const { stdout, stderr } = await build.ended;
    expect(stdout + stderr)
      .to.contain('after')
      .and.not.to.contain(TOKEN);
    for (const number of [0, 1]) {
      const kept = await cluster.client.getConsole(toId.build(1), toId.atom(number), {});
      expect(kept.content.trimEnd().split('\n')).to.deep.equal(masked);
      expect(kept.total_num_lines).to.equal(masked.length);
      const last = await cluster.client.getConsole(toId.build(1), toId.atom(number), { offset_line: 4 });
      expect(last.content).to.equal('after\n');
      expect(cluster.result(number, 'clusterrunner_console_output').trimEnd().split('\n')).to.deep.equal(
        masked,
      );
    }
  });

  it('hide them in the last lines of failed atoms, which form a group', async () => {
    const { stdout } = await cluster.build(['-j', 'Fails']);
    const build = toId.build(Number(/Build (\d+)/.exec(stdout)?.[1]));
    const { groups } = await cluster.client.listFailureGroups(build, {});
    expect(groups.map(({ num_atoms }) => num_atoms)).to.deep.equal([2]);
    expect(groups[0]?.sample_lines).to.have.length(1);
    expect(groups[0]?.sample_lines[0]).to.match(/^attempt [23] with \*+$/);
    expect(groups[0]?.atoms.map(({ exit_code }) => exit_code)).to.have.members([1, 2]);
  });

  it('hide them in the output of a failed setup or atomizer', async () => {
    for (const [job, sentence] of [
      ['Broken', 'token is *********'],
      ['Unlisted', '*********'],
    ] as const) {
      const { stdout, stderr } = await cluster.build(['-j', job]);
      expect(stdout + stderr)
        .to.contain(sentence)
        .and.not.to.contain(TOKEN);
    }
  });

  it('show commands what the operator allows, and never a setting or the secret', async () => {
    const { exitCode } = await cluster.build(['-j', 'Environment']);
    expect(exitCode).to.equal(0);
    const lines = cluster.result(0, 'clusterrunner_console_output').split('\n');
    const names = lines.map((line) => line.replace(/=.*/, ''));
    expect(names).to.include.members(['PATH', 'HOME', 'DEPLOY_TOKEN', 'N', 'CLUSTERRUNNER']);
    expect(names).not.to.include('UNMENTIONED');
    expect(names.filter((name) => name.startsWith('CLUSTERRUNNER_'))).to.deep.equal([]);
    expect(lines.join('\n')).not.to.contain(cluster.secret);
  });

  it('leave no redacted value on the disk of the master', () => {
    const directory = join(cluster.baseDirectory, 'master');
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    for (const entry of files) {
      const bytes = readFileSync(join(entry.parentPath, entry.name));
      const content = entry.name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
      expect(content.includes(TOKEN), entry.name).to.equal(false);
    }
  });
});
