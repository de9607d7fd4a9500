import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster, repositoryRoot } from '../support/cluster.js';
import { npmEnvironment } from '../support/npm-environment.js';
import { GitProject } from '../support/project.js';

const BROKEN = 'test/unit/lib/async/backoff.test.ts';

/** Installing the packages on each slave depends on the network and the disk. */
const PATIENCE_MS = 10 * 60_000;

describe('this repository as a project on a master and two slaves', function () {
  this.timeout(PATIENCE_MS);
  let cluster: Cluster;
  let project: GitProject;
  before(async () => {
    cluster = await Cluster.start();
    const env = {
      ...npmEnvironment,
      CLUSTERRUNNER_ENV_PASSTHROUGH: Object.keys(npmEnvironment).join(','),
    };
    await Promise.all([1, 1].map((executors) => cluster.startSlave(executors, { env })));
    project = await GitProject.clone(repositoryRoot, join(cluster.root, 'project'));
  });
  after(() => cluster.stop());

  it('runs its unit tests, and reports only the one that a branch breaks', async () => {
    await project.git('checkout', '--quiet', '-b', 'broken');
    // A few folders suffice; `npm test` runs them all.
    await project.git('rm', '--quiet', '-r', 'test/unit', 'test/functional', 'test/integration');
    await project.git('checkout', '--quiet', 'HEAD', 'test/unit/domain', 'test/unit/lib');
    await project.commit({
      [BROKEN]:
        "describe('a broken test', () => {\n  it('fails', () => {\n    throw new Error('as it must');\n  });\n});\n",
    });
    const files = (await project.git('ls-files', 'test/unit/**.test.ts')).split('\n');
    const ended = await cluster.build(['--url', project.url, '-j', 'UnitTests', '--branch', 'broken']);
    expect(ended.exitCode, ended.stdout + ended.stderr).to.equal(1);
    expect(ended.stdout).to.contain(`FAILURE: 1 of ${files.length} atoms failed`);
    const [failed, ...others] = ended.stdout.match(/^--- FAILED: .*$/gm) ?? [];
    expect(failed).to.contain(`--- FAILED: $PROJECT_DIR/${BROKEN} (`);
    expect(others).to.deep.equal([]);
    expect(ended.stdout).to.contain('as it must');
  });
});
