import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { writeFiles } from '../support/project.js';

const JOB = `
Parents:
    atomizers:
        - T: echo 1; echo 2
    commands:
        - echo "$PPID" > "$PROJECT_DIR/parent-$T"
`;

describe('the shells that start atoms', () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.create();
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': JOB });
    await cluster.startMaster();
  });
  afterEach(() => cluster.stop());

  for (const reuse of [true, false]) {
    it(`are ${reuse ? 'kept for a build by default' : 'new for each atom with reuse_shells = false'}`, async () => {
      await cluster.startSlave(1, reuse ? {} : { env: { CLUSTERRUNNER_REUSE_SHELLS: 'false' } });
      const { exitCode, stdout, stderr } = await cluster.build(['directory']);
      expect(exitCode, stdout + stderr).to.equal(0);
      const [one, two] = ['1', '2'].map((atom) => readFileSync(join(cluster.cwd, `parent-${atom}`), 'utf8'));
      expect(one === two, `${one} ${two}`).to.equal(reuse);
    });
  }
});
