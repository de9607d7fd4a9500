import { join } from 'node:path';
import { expect } from 'chai';
import { browserOfSuite } from '../../support/browser.js';
import { Cluster } from '../../support/cluster.js';
import { GitProject } from '../../support/project.js';

const job = `
Unit:
    inputs: [$T]
    cache: true
    atomizers:
        - T: ls test/*
    commands:
        - echo "output of $T"
`;

describe('a cached atom in a browser', () => {
  const browser = browserOfSuite();
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start(1);
    const project = await GitProject.create(join(cluster.root, 'project'), {
      'clusterrunner.yaml': job,
      'test/a': '',
      'test/b': '',
    });
    for (let time = 0; time < 2; time += 1) {
      const { exitCode, stderr } = await cluster.build(['git', '--url', project.url, '-j', 'Unit']);
      expect(exitCode, stderr).to.equal(0);
    }
  });
  after(() => cluster.stop());

  it('is counted apart in its build', () =>
    browser.visit(`${cluster.master.url}/ui/build/2`, async (page) => {
      await page.getByText('2 atoms, 2 cached').waitFor();
    }));

  it('leads to the run that it was taken from', () =>
    browser.visit(`${cluster.master.url}/ui/build/2/atom/0`, async (page) => {
      await page.getByRole('heading', { level: 1 }).getByText('cached').waitFor();
      await page.getByRole('link', { name: 'build 1', exact: true }).click();
      await page.waitForURL('**/ui/build/1/atom/0');
      await page.getByText('output of test/a').waitFor();
    }));
});
