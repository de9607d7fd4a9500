import { expect } from 'chai';
import { browserOfSuite } from '../../support/browser.js';
import { Cluster } from '../../support/cluster.js';
import { axeFindings } from '../../support/page-checks.js';
import { writeFiles } from '../../support/project.js';

describe('the queue in a browser', () => {
  const browser = browserOfSuite();
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start();
  });
  after(() => cluster.stop());

  it('says how to start a build while it is empty, and shows a build by itself while it runs', () =>
    browser.visit(`${cluster.master.url}/ui/queue`, async (page) => {
      await page.getByText('Nothing runs, and nothing waits.').waitFor();
      await page.getByText(`clusterrunner build --master-url ${cluster.master.url}`).waitFor();
      expect((await axeFindings(page)).join('\n')).to.equal('');
      writeFiles(cluster.cwd, {
        'clusterrunner.yaml': 'Quick: {atomizers: [{N: seq 1}], commands: ["true"]}\n',
      });
      const build = cluster.startBuild([]);
      await page.getByRole('link', { name: '1 Quick' }).waitFor();
      await page.getByText('It waits to be prepared: no slave is connected').waitFor();
      await cluster.startSlave(1);
      expect((await build.ended).exitCode).to.equal(0);
      await page.getByText('Nothing runs, and nothing waits.').waitFor();
    }));
});
