import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { browserOfSuite } from '../../support/browser.js';
import { settled } from '../../support/page-checks.js';
import type { SimulatedBuild } from '../../support/simulation/simulated-atom.js';
import { SimulatedCluster } from '../../support/simulation/simulated-cluster.js';

const NOW = Date.UTC(2026, 2, 12, 14);
const SLAVES = 1000;
const DISK = 'The disk of /var/lib/clusterrunner has 0.7 GiB free, and min_free_disk_mib is 1024.';

const build = (atoms: number, request: Partial<SimulatedBuild['request']> = {}): SimulatedBuild => ({
  request: {
    type: 'directory',
    project_directory: '/project',
    job_name: 'Steps',
    config: { commands: ['true'], atomizers: [{ NAME: 'list' }] },
    ...request,
  },
  jobName: 'Steps',
  atoms: Array.from({ length: atoms }, (_, n) => ({ variable: 'NAME', value: `step ${n}` })),
  preparationSeconds: 1,
  setupSeconds: 0,
  runAtom: () => ({ seconds: 3600, exitCode: 0, output: '' }),
});

describe('a fleet of a thousand slaves, and its queue', () => {
  const browser = browserOfSuite();
  let directory: string;
  let cluster: SimulatedCluster;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'fleet-'));
    cluster = await SimulatedCluster.start({
      baseDirectory: directory,
      secret: 'a secret of the tests',
      startsAt: NOW - 600_000,
      slaves: Array.from({ length: SLAVES }, (_, n) => ({
        name: `slave-${n + 1}`,
        executors: 1,
        ...(n === 499 ? { paused: DISK } : {}),
      })),
    });
    const first = build(5000);
    await cluster.create(first);
    await cluster.runFor(100);
    await cluster.create(build(10, { job_name: 'Later' }));
    await cluster.create(build(10, { job_name: 'Urgent', priority: 3 }));
    await cluster.runFor(60);
  });
  after(async () => {
    await cluster?.close();
    rmSync(directory, { recursive: true });
  });

  const visit = (path: string, test: (page: Page) => Promise<void>) =>
    browser.visit(`${cluster.url}${path}`, test, {
      prepare: (page) => page.clock.setFixedTime(cluster.clock.now()),
    });
  const slaves = (page: Page) =>
    page.getByRole('table', { name: 'Slaves' }).getByRole('link', { name: /^slave-/ });

  it('name the slaves that get no work first, and why', () =>
    visit('/ui/fleet', async (page) => {
      await page.getByText('999 connected, 1 sick').waitFor();
      await page.getByText(DISK).waitFor();
      expect(await slaves(page).first().innerText()).to.equal('slave-500');
      expect(await slaves(page).nth(9).innerText()).to.equal('slave-9');
    }));

  it('find a slave by its name, and order all of them', () =>
    visit('/ui/fleet', async (page) => {
      await slaves(page).first().waitFor();
      await page.keyboard.press('/');
      await page.keyboard.type('SLAVE-77');
      await page.waitForURL('**/ui/fleet?q=SLAVE-77');
      await settled(page);
      expect(await slaves(page).count()).to.equal(11);
      await page.getByRole('combobox', { name: 'Order' }).selectOption('Busiest first');
      await page.waitForURL('**sort=-busy');
      await page.getByRole('combobox', { name: 'State' }).selectOption('Gone');
      await page.getByText('No slave matches.').waitFor();
    }));

  it('show how busy the executors were: in words, as areas, and as a table', () =>
    visit('/ui/fleet?hours=1', async (page) => {
      await page.getByText(/^On average \d+(\.\d)? of 1000 executors worked/).waitFor();
      expect(await page.locator('.areas path[d*=V]').count()).to.equal(3);
      await page.getByText('As a table').click();
      const table = page.getByRole('table', { name: 'The load of the executors' });
      expect(await table.getByRole('row').count()).to.be.at.least(2);
    }));

  it('have the builds in the order in which they get executors, with the reason', () =>
    visit('/ui/queue', async (page) => {
      const rows = page.getByRole('table').getByRole('row');
      await rows.nth(3).waitFor();
      const texts = await rows.allInnerTexts();
      expect(texts[1]).to.match(/^1\s[\s\S]*3 Urgent[\s\S]*executors are busy with build 1 \(/);
      expect(texts[2]).to.match(/^2\s[\s\S]*2 Later/);
      expect(texts[3]).to.match(/1 Steps[\s\S]*It runs on \d+ executors/);
    }));

  it('lead from a waiting build to the one that it waits for, and to itself by keys', () =>
    visit('/ui/queue', async (page) => {
      await page.getByRole('row').nth(1).getByRole('link', { name: 'build 1' }).click();
      await page.waitForURL('**/ui/build/1');
      await page.keyboard.press('g');
      await page.keyboard.press('q');
      await page.getByRole('link', { name: 'Urgent' }).waitFor();
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/ui/build/3');
    }));
});
