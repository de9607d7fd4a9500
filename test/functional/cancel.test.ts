import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { toId } from '../../src/protocol/ids.js';
import { Cluster } from '../support/cluster.js';
import type { Ended, Program } from '../support/processes.js';
import { writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

const JOB = (directory: string) => `
Long:
    setup_build:
        - touch "${directory}/set-up"
    teardown_build:
        - touch "${directory}/torn-down"
    atomizers:
        - N: seq 10
    commands:
        # A grandchild in the background, and one that stays in the foreground.
        - (exec -a grandchild-of-the-test sleep 1000) &
        - touch "${directory}/started-$N"
        - sleep 1000
`;

describe('build, interrupted by Ctrl-C,', () => {
  let cluster: Cluster;
  let ended: Ended;
  let buildProgram: Program;
  let runningBefore: string[];
  const commands = () => cluster.processes().filter((line) => / 1000\b/.test(line));
  const started = () => readdirSync(cluster.root).filter((file) => file.startsWith('started-')).length;
  const isThere = (file: string) => existsSync(join(cluster.root, file));

  before(async () => {
    cluster = await Cluster.start(2);
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': JOB(cluster.root) });
    buildProgram = cluster.startBuild([]);
    await eventually('two atoms run', () => started() === 2 && commands().length >= 4, commands);
    runningBefore = commands();
    buildProgram.signal('SIGINT');
    ended = await buildProgram.ended;
  });
  after(() => cluster.stop());

  it('exits with 130 and says that the build is canceled', () => {
    expect(ended).to.include({ exitCode: 130, stderr: '' });
    expect(ended.stdout).to.match(/^Build 1 is canceled\.\n$/m);
  });

  it('leaves the build CANCELED on the master', async () => {
    const build = await cluster.client.getBuild(toId.build(1));
    expect(build).to.include({ state: 'CANCELED', status: 'FAILURE', result: 'FAILURE' });
    expect(build.error_message).to.be.a('string');
  });

  it('ends the commands of the build and what they started', async () => {
    expect(runningBefore.join('\n')).to.contain('grandchild-of-the-test');
    await eventually('its commands are gone', () => commands().length === 0, commands);
  });

  it('lets the teardown run', async () => {
    await eventually('the teardown ran', () => isThere('torn-down'));
  });

  it('starts no further atom', () => {
    expect(started()).to.equal(2);
  });

  it('fetches the consoles of the atoms that were running', () => {
    const folders = readdirSync(join(cluster.cwd, 'build_results')).filter((name) => /^artifact_/.test(name));
    expect(folders).to.have.length(2);
  });

  it('leaves the slave free for the next build', async () => {
    const cwd = join(cluster.root, 'next');
    writeFiles(cwd, { 'clusterrunner.yaml': 'Short: {atomizers: [{N: seq 2}], commands: ["true"]}\n' });
    const next = await cluster.build([], { cwd });
    expect(next, next.stderr).to.include({ exitCode: 0 });
  });
});
