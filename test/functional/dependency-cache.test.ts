import { join } from 'node:path';
import { expect } from 'chai';
import { Cluster } from '../support/cluster.js';
import { GitProject } from '../support/project.js';

const JOB = `
Unit:
    cache:
        key: [lock]
        paths: [modules]
    setup_build:
        - test "$CACHE_HIT" = true || { mkdir modules && cp lock modules/installed; }
    atomizers:
        - T: echo one
    commands:
        - echo "$(cat modules/installed), hit $(cat hit 2>/dev/null)"
        - echo changed > modules/installed
`;

describe('the cache of a job', () => {
  let cluster: Cluster;
  let project: GitProject;
  before(async () => {
    cluster = await Cluster.start(1);
    project = await GitProject.create(join(cluster.root, 'project'), {
      'clusterrunner.yaml': JOB.replace('- test', '- echo "$CACHE_HIT" > hit\n        - test'),
      lock: 'version 1\n',
    });
  });
  after(() => cluster.stop());

  async function consoleOfBuild(): Promise<string> {
    const { exitCode, stdout, stderr } = await cluster.build(['git', '--url', project.url, '-j', 'Unit']);
    expect(exitCode, stdout + stderr).to.equal(0);
    return cluster.result(0, 'clusterrunner_console_output');
  }

  it('gives the next build what the setup made, unchanged by tests, until a key file changes', async () => {
    expect(await consoleOfBuild()).to.equal('version 1, hit false\n');
    expect(await consoleOfBuild()).to.equal('version 1, hit true\n');
    await project.commit({ lock: 'version 2\n' });
    expect(await consoleOfBuild()).to.equal('version 2, hit false\n');
  });
});
