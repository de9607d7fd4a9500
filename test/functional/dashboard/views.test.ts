import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { browserOfSuite } from '../../support/browser.js';
import { axeFindings, settled, wideElements } from '../../support/page-checks.js';
import { makeShopHistory, type ShopHistory } from '../../support/simulation/shop-history.js';

const NOW = Date.UTC(2026, 2, 12, 14, 5);

/** Paths of all views, of builds in all states. */
const views: Readonly<Record<string, (builds: ShopHistory['builds']) => string>> = {
  'the list of builds': () => '/ui/builds',
  'the list of builds without a match': () => '/ui/builds?q=nothing-has-this-text',
  'a failed build': ({ failed }) => `/ui/build/${failed}`,
  'the atoms of a build': ({ failed }) => `/ui/build/${failed}/atoms`,
  'the timeline of a build': ({ failed }) => `/ui/build/${failed}/timeline`,
  'the artifacts of a build': ({ withFiles }) => `/ui/build/${withFiles}/artifacts`,
  'a canceled build': ({ canceled }) => `/ui/build/${canceled}`,
  'a build that could not be prepared': ({ broken }) => `/ui/build/${broken}`,
  'a running build': ({ running }) => `/ui/build/${running}`,
  'a queued build': ({ queued }) => `/ui/build/${queued}`,
  'the atoms of a queued build': ({ queued }) => `/ui/build/${queued}/atoms`,
  'the console of an atom': ({ failed }) => `/ui/build/${failed}/atom/3`,
  'the console of an atom that has not run': ({ canceled }) => `/ui/build/${canceled}/atom/17`,
  'the jobs': () => '/ui/jobs',
  'a job': () => '/ui/job/1',
  'the flaky tests of a job': () => '/ui/job/2?list=flaky',
  'the slowest tests of a job': () => '/ui/job/2?list=slowest',
  'the builds of a job': () => '/ui/job/1?list=builds',
  'the runs of a test': () => '/ui/job/1?atom=SPEC%3Dcheckout-with-coupon.spec.ts',
  'a job that does not exist': () => '/ui/job/4711',
  'the fleet': () => '/ui/fleet',
  'a slave': () => '/ui/fleet?slave=1',
  'a slave that gets no work': () => '/ui/fleet?slave=5',
  'a slave that does not exist': () => '/ui/fleet?slave=4711',
  'the queue': () => '/ui/queue',
  'the login': () => '/ui/login',
  'a page that does not exist': () => '/ui/nothing',
  'a build that does not exist': () => '/ui/build/4711',
};

describe('each view of the dashboard', () => {
  const browser = browserOfSuite();
  let directory: string;
  let shop: ShopHistory;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'views-'));
    shop = await makeShopHistory({
      baseDirectory: directory,
      secret: 'a secret of the tests',
      now: NOW,
      days: 2,
    });
  });
  after(async () => {
    await shop?.cluster.close();
    rmSync(directory, { recursive: true });
  });

  for (const [name, pathOf] of Object.entries(views)) {
    it(`${name} violates no rule of axe in light and dark, and fits on a phone`, async () => {
      const { cluster, builds } = shop;
      await browser.visit(
        cluster.url + pathOf(builds),
        async (page) => {
          await settled(page);
          expect((await axeFindings(page)).join('\n'), 'light').to.equal('');
          await page.emulateMedia({ colorScheme: 'dark' });
          expect((await axeFindings(page, ['color-contrast'])).join('\n'), 'dark').to.equal('');
          await page.setViewportSize({ width: 360, height: 740 });
          await settled(page);
          expect((await wideElements(page)).join('\n'), 'on a phone').to.equal('');
        },
        {
          expected: /the server responded with a status of 404/,
          prepare: (page) => page.clock.setFixedTime(NOW),
        },
      );
    });
  }
});
