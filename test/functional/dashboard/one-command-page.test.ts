import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { browserOfSuite } from '../../support/browser.js';
import { Cluster } from '../../support/cluster.js';
import { writeFiles } from '../../support/project.js';
import { eventually } from '../../support/wait.js';

describe('the page of a cluster of one command', () => {
  const browser = browserOfSuite();
  let cluster: Cluster;
  let gate: string;
  beforeEach(async () => {
    cluster = await Cluster.create();
    gate = join(cluster.root, 'gate');
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': `
Wait:
    atomizers:
        - T: printf 'good\\nbad\\n'
    commands:
        - until [ -e ${gate} ]; do sleep 0.05; done
        - '[ $T != bad ]'
`,
    });
  });
  afterEach(() => cluster.stop());

  /** Opens a page while the build waits. */
  async function visitLive(
    path: string,
    test: (page: Page, end: () => Promise<void>) => Promise<void>,
    prepare?: (page: Page) => Promise<void>,
  ): Promise<void> {
    const build = cluster.run(['build']);
    const [, url, token] = await build.says(/^Watch it at (http:\S+)\/ui\/build\/1#token=(\S+)$/m);
    const end = async () => {
      writeFileSync(gate, '');
      expect((await build.ended).exitCode).to.equal(1);
    };
    await browser.visit(`${url}${path}#token=${token}`, (page) => test(page, end), {
      // Nothing listens there any more.
      expected: /net::ERR_/,
      ...(prepare === undefined ? {} : { prepare }),
    });
  }

  it('shows the end of the build, and then offers only what works without the cluster', () =>
    visitLive('/ui/build/1', async (page, end) => {
      await page.getByText('clusterrunner status 1').waitFor();
      await page.getByRole('button', { name: 'Cancel the build' }).waitFor();
      await end();
      await page.getByText('This cluster ended with its build.').waitFor();
      await page.getByRole('heading', { name: /failed Wait/ }).waitFor();
      const text = await page.getByRole('main').innerText();
      expect(text).to.contain('clusterrunner build --rerun-failed 1');
      expect(text).not.to.match(/--master-url|clusterrunner status/);
      expect(await page.getByRole('button', { name: /Rerun|Cancel/ }).count()).to.equal(0);
      const rerun = cluster.run(['build', '--rerun-failed', '1']);
      expect((await rerun.ended).stdout).to.contain('1 of 1 atom failed');
    }));

  it('asks seldom whether a cluster is back that has been away for long', () =>
    visitLive(
      '/ui/queue',
      async (page, end) => {
        let requests = 0;
        page.on('request', (request) => {
          requests += new URL(request.url()).pathname === '/v1/queue' ? 1 : 0;
        });
        await end();
        await page.getByText('This cluster ended with its build.').waitFor();
        await page.clock.fastForward('02:00:00');
        await eventually('it asks again', () => requests > 0);
        requests = 0;
        for (let tries = 0; tries < 10; tries += 1) {
          await page.clock.fastForward('00:05');
          await page.evaluate('document.title');
        }
        expect(requests).to.be.at.most(2);
      },
      (page) => page.clock.install(),
    ));
});
