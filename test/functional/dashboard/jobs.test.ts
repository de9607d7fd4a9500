import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import type { BuildId } from '../../../src/protocol/ids.js';
import { browserOfSuite, type VisitOptions } from '../../support/browser.js';
import { makeShopHistory, type ShopHistory } from '../../support/simulation/shop-history.js';
import type { SimulatedBuild } from '../../support/simulation/simulated-atom.js';
import { SimulatedCluster } from '../../support/simulation/simulated-cluster.js';
import { eventually } from '../../support/wait.js';

const NOW = Date.UTC(2026, 2, 12, 14, 5);
const secret = 'a secret of the tests';
const prepare = (page: Page) => page.clock.setFixedTime(NOW);

describe('the history of jobs in a browser', () => {
  let directory: string;
  let shop: ShopHistory;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'jobs-'));
    shop = await makeShopHistory({ baseDirectory: directory, secret, now: NOW, days: 5 });
    await eventually('all builds are recorded', async () => {
      const { jobs } = await shop.cluster.client.listJobs({ q: 'UnitTests' });
      return jobs[0]?.last_build?.build_id === shop.builds.failed;
    });
  });
  const browser = browserOfSuite();
  after(async () => {
    await shop?.cluster.close();
    rmSync(directory, { recursive: true });
  });

  const visit = (path: string, test: (page: Page) => Promise<void>, options: VisitOptions = {}) =>
    browser.visit(`${shop.cluster.url}${path}`, test, { prepare, ...options });
  const rows = (page: Page) => page.locator('main tbody tr');
  const rowOf = (page: Page, name: string) => rows(page).filter({ hasText: name });

  it('begins with the jobs, their last verdict and how often they pass', () =>
    visit('/ui/jobs', async (page) => {
      await rowOf(page, 'UnitTests').waitFor();
      expect(await rowOf(page, 'UnitTests').innerText()).to.match(/failed\s+UnitTests.*\s\d+ %/s);
      await page.getByRole('searchbox').fill('endTO');
      await eventually('one job is left', async () => (await rows(page).count()) === 1);
      await page.getByRole('link', { name: 'EndToEnd' }).click();
      await page.getByRole('heading', { level: 1, name: 'EndToEnd' }).waitFor();
    }));

  it('shows which tests fail since when, and leads to the newest run of one', () =>
    visit('/ui/jobs', async (page) => {
      await page.getByRole('link', { name: 'UnitTests' }).click();
      const row = rowOf(page, 'payment/test/ledger');
      await row.waitFor();
      expect(await row.innerText()).to.match(/failed.*build \d+, .*ago/s);
      await row.getByRole('link', { name: 'failed' }).click();
      await page.waitForURL(new RegExp(`/ui/build/${shop.builds.failed}/atom/\\d+$`));
    }));

  it('shows with one click which tests are flaky, and the runs of one', () =>
    visit('/ui/job/2', async (page) => {
      await page.getByRole('link', { name: /^Flaky/ }).click();
      const row = rowOf(page, 'retry-policy');
      await row.waitFor();
      expect(await row.innerText()).to.match(/\d+ %/);
      expect(await row.getByRole('img').getAttribute('aria-label')).to.match(
        /^\d+ runs: \d+ passed, \d+ flaky, the newest one /,
      );
      await row.getByRole('link', { name: 'retry-policy' }).click();
      await page.getByText(/^It is flaky: in \d+ % of its newest \d+ runs/).waitFor();
      const runs = page.getByRole('figure', { name: 'Durations and verdicts of its runs' });
      await runs
        .getByRole('link', { name: /^flaky in build \d+/ })
        .first()
        .click();
      await page.waitForURL(/\/ui\/build\/\d+\/atom\/\d+$/);
    }));

  it('shows with one click which tests are slow, and finds one by its name', () =>
    visit('/ui/job/2', async (page) => {
      await page.getByRole('link', { name: 'Slowest' }).click();
      await rowOf(page, 'cart/test/shipping').waitFor();
      expect(await rows(page).first().innerText()).to.contain('cart/test/shipping');
      await page.getByRole('searchbox', { name: 'Name of the atom' }).fill('TWO-FACTOR');
      await eventually('one is left', async () => (await rows(page).count()) === 1);
      await page.getByRole('link', { name: 'Lost to retries' }).click();
      await page.getByText('No atom of this list matches.').waitFor();
    }));

  it('is read with the keyboard alone: from the lists to a build of the trend', () =>
    visit('/ui/builds', async (page) => {
      await page.getByRole('heading', { level: 1, name: 'Builds' }).waitFor();
      await page.keyboard.press('g');
      await page.keyboard.press('j');
      await page.getByRole('heading', { level: 1, name: 'Jobs' }).waitFor();
      await rowOf(page, 'UnitTests').waitFor();
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      const trend = page.getByRole('figure', { name: 'Durations and results of the newest builds' });
      const newest = trend.getByRole('link', { name: `Build ${shop.builds.failed} failed` });
      await newest.waitFor();
      await newest.focus();
      await page.keyboard.press('ArrowLeft');
      await trend.locator('figcaption').getByText(`Build ${shop.builds.broken} error`).waitFor();
      await page.keyboard.press('Enter');
      await page.waitForURL(`**/ui/build/${shop.builds.broken}`);
    }));

  it('has the builds of the trend as a table too', () =>
    visit('/ui/job/1?list=builds', async (page) => {
      await rowOf(page, 'canceled')
        .getByRole('link', { name: String(shop.builds.canceled) })
        .waitFor();
      expect(await rows(page).first().innerText()).to.match(/failed\s+\d+ /);
    }));

  it('leads from a build to its job, and from there to the builds of the job that still exist', () =>
    visit(`/ui/build/${shop.builds.running}`, async (page) => {
      await page.getByRole('link', { name: 'History of the job' }).click();
      await page.getByRole('heading', { level: 1, name: 'UnitTests' }).waitFor();
      await page.getByRole('link', { name: /^\d+ builds$/ }).click();
      await page.getByRole('link', { name: 'all jobs' }).waitFor();
      await page.getByRole('link', { name: String(shop.builds.running), exact: true }).waitFor();
      await page.getByText('of UnitTests all jobs').waitFor();
      expect(await page.getByRole('table').innerText())
        .to.contain('UnitTests')
        .and.not.contain('EndToEnd');
    }));

  it('has a link to the job of each build in the list of builds', () =>
    visit('/ui/builds', async (page) => {
      await page.getByRole('row').getByRole('link', { name: 'EndToEnd' }).first().click();
      await page.getByRole('heading', { level: 1, name: 'EndToEnd' }).waitFor();
    }));

  it('says what is wrong with an address of a job or an atom that does not exist', () =>
    visit(
      '/ui/job/4711',
      async (page) => {
        await page.getByText('There is no job 4711 in the history').waitFor();
        await page.getByRole('link', { name: 'All jobs' }).click();
        await rowOf(page, 'UnitTests').waitFor();
        await page.goto(`${shop.cluster.url}/ui/job/1?atom=NOTHING`);
        await page.getByText('has no atom of this name').waitFor();
      },
      { expected: /status of 404/ },
    ));
});

const HOSTILE = '<img src=x onerror=alert(1)>\u202e"&amp;';
const hostile: SimulatedBuild = {
  request: {
    type: 'directory',
    project_directory: '/project/<b>bold</b>',
    job_name: HOSTILE,
    config: { commands: ['true'], atomizers: [{ NAME: 'list' }] },
  },
  jobName: HOSTILE,
  atoms: [{ variable: 'NAME', value: HOSTILE }],
  preparationSeconds: 1,
  setupSeconds: 1,
  runAtom: () => ({ seconds: 3, exitCode: 1, output: '' }),
};

describe('the history of a new master in a browser', () => {
  let directory: string;
  let cluster: SimulatedCluster;
  const browser = browserOfSuite();
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'jobs-'));
    const slaves = [{ name: 'first', executors: 2 }];
    cluster = await SimulatedCluster.start({ baseDirectory: directory, secret, startsAt: NOW, slaves });
  });
  after(async () => {
    await cluster?.close();
    rmSync(directory, { recursive: true });
  });

  it('says what to do, and shows a job when its first build has ended', () =>
    browser.visit(`${cluster.url}/ui/jobs`, async (page) => {
      await page.getByText('There is no history yet.').waitFor();
      await page.getByText('history_kept_days').waitFor();
      const build: BuildId = await cluster.create(hostile);
      await cluster.runToEnd(build);
      await eventually('it is recorded', async () => (await cluster.client.listJobs({})).total === 1);
      await page.reload();
      await page.getByRole('link', { name: HOSTILE }).waitFor();
    }));

  it('shows hostile names as text', () =>
    browser.visit(`${cluster.url}/ui/jobs`, async (page) => {
      await page.getByText('/project/<b>bold</b>').waitFor();
      await page.getByRole('link', { name: HOSTILE }).click();
      await page.getByRole('heading', { level: 1 }).getByText(HOSTILE).waitFor();
      await page.getByRole('link', { name: HOSTILE }).click();
      await page.getByRole('heading', { level: 2, name: HOSTILE }).waitFor();
      await page.getByText('It has never passed.').waitFor();
      expect(await page.locator('main img, main b').count()).to.equal(0);
    }));
});
