import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';
import { eventually } from '../support/wait.js';

const DAEMONS = ['background', 'session', 'orphan'] as const;

const JOB = `
Services:
    setup_build:
        - sleep 300 & echo $! > background
        - setsid sh -c 'echo $$ > session; exec sleep 300' > /dev/null 2>&1 < /dev/null &
        - (setsid sh -c 'echo $$ > orphan; exec sleep 300' > /dev/null 2>&1 < /dev/null &)
        - until test -s session && test -s orphan; do sleep 0.05; done
    teardown_build:
        - kill -0 $(cat background) $(cat session) $(cat orphan) && echo all > at-teardown
    atomizers:
        - T: echo 1; echo 2
    commands:
        - kill -0 $(cat "$PROJECT_DIR/background") $(cat "$PROJECT_DIR/session") $(cat "$PROJECT_DIR/orphan")
`;

describe('a slave without perl and python3', () => {
  let cluster: Cluster;
  let path: string;
  beforeEach(async () => {
    cluster = await Cluster.create();
    path = join(cluster.root, 'bin');
    mkdirSync(path);
    const folders = (process.env.PATH ?? '').split(':').filter((folder) => existsSync(folder));
    for (const folder of folders) {
      for (const name of readdirSync(folder).filter((one) => !/^(perl|python)/.test(one))) {
        if (!existsSync(join(path, name))) {
          symlinkSync(join(folder, name), join(path, name));
        }
      }
    }
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': JOB });
  });
  afterEach(() => cluster.stop());

  it('says so, and ends services of setup_build once teardown has run', async () => {
    await cluster.startMaster();
    const slave = await cluster.startSlave(1, { env: { PATH: path } });
    expect(slave.stderr).to.contain('install perl or python3');
    const { exitCode, stdout, stderr } = await cluster.build(['directory']);
    expect(exitCode, stdout + stderr).to.equal(0);
    await eventually('teardown has run', () => existsSync(join(cluster.cwd, 'at-teardown')));
    const lives = (name: string) => {
      const pid = readFileSync(join(cluster.cwd, name), 'utf8').trim();
      return existsSync(`/proc/${pid}`);
    };
    await eventually('all services are gone', () => !DAEMONS.some(lives));
  }).timeout(120_000);
});
