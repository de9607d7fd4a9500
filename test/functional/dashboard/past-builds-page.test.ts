import { expect } from 'chai';
import { browserOfSuite } from '../../support/browser.js';
import { Cluster } from '../../support/cluster.js';
import { writeFiles } from '../../support/project.js';

describe('past builds in a browser', () => {
  const browser = browserOfSuite();
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.create();
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': 'Quick: {atomizers: [{N: seq 1}], commands: ["false"]}\n',
    });
    expect((await cluster.build([])).exitCode).to.equal(1);
  });
  after(() => cluster.stop());

  it('are shown as such on each page, with no way to change them', async () => {
    const program = cluster.run(['ui']);
    const [link] = await program.says(/http:\/\/127\.0\.0\.1:\d+\/ui\/builds#token=\S+/);
    await browser.visit(link, async (page) => {
      const notice = page.getByText('These are past builds, as a master that has stopped left them');
      await notice.waitFor();
      await page.getByRole('link', { name: '1', exact: true }).click();
      await page.getByRole('heading', { name: 'Quick' }).waitFor();
      expect(await page.getByRole('button', { name: /Rerun|Cancel/ }).count()).to.equal(0);
      await page.getByRole('link', { name: 'Fleet' }).click();
      await page.getByText('No master runs here, so no slave is connected.').waitFor();
      await page.getByRole('link', { name: 'Queue' }).click();
      await page.getByText('These are past builds, and no master runs here.').waitFor();
      await notice.waitFor();
    });
    program.signal('SIGINT');
    await program.ended;
  });
});
