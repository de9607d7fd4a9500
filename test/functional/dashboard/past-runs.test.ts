import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { browserOfSuite } from '../../support/browser.js';
import type { SimulatedBuild } from '../../support/simulation/simulated-atom.js';
import { SimulatedCluster } from '../../support/simulation/simulated-cluster.js';
import { eventually } from '../../support/wait.js';

const config = { commands: ['true'], atomizers: [{ NAME: 'list' }], retries: 1 };
/** The atom `worse` passes in build 1, is flaky in build 2, and fails from build 3 on. */
const build = (number: number): SimulatedBuild => ({
  request: { type: 'directory', project_directory: '/project', job_name: 'Tests', config },
  jobName: 'Tests',
  atoms: ['good', 'worse'].map((value) => ({ variable: 'NAME', value })),
  preparationSeconds: 1,
  setupSeconds: 0,
  runAtom: ({ value }, run) => ({
    seconds: number,
    exitCode: value === 'worse' && (number > 2 || (number === 2 && run === 0)) ? 1 : 0,
    output: `run ${run} of ${value}\n`,
  }),
});

describe('the earlier runs of an atom in a browser', () => {
  const browser = browserOfSuite();
  let directory: string;
  let cluster: SimulatedCluster;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'past-runs-'));
    cluster = await SimulatedCluster.start({
      baseDirectory: directory,
      secret: 'a secret of the tests',
      startsAt: Date.UTC(2026, 2, 1),
      slaves: [{ name: 'first', executors: 2 }],
    });
    for (const number of [1, 2, 3, 4]) {
      await cluster.runToEnd(await cluster.create(build(number)));
    }
    await eventually('the builds are in the history', async () => {
      const { jobs } = await cluster.client.listJobs({});
      return jobs[0]?.num_builds === 4;
    });
  });
  after(async () => {
    await cluster?.close();
    rmSync(directory, { recursive: true });
  });

  const visit = (path: string, test: (page: Page) => Promise<void>) =>
    browser.visit(`${cluster.url}${path}`, test);
  const link = (page: Page, name: string) => page.getByRole('link', { name, exact: true });

  it('are a strip of verdicts and durations, with facts in words', () =>
    visit('/ui/build/4/atom/1', async (page) => {
      await page
        .getByRole('group', { name: '4 runs: 1 passed, 1 flaky, 2 failed, the newest one failed' })
        .waitFor();
      await page.getByText('fails since build 3').waitFor();
      await page.getByText('passed last in build 2').waitFor();
      await page.getByText('failed in 2 of 4 runs').waitFor();
      await page.getByText('flaky in 25 % of the last 4 runs').waitFor();
      await page.getByText('median 1.0 s, 95 % within 2.0 s').waitFor();
    }));

  it('lead to each other, and to the job', () =>
    visit('/ui/build/4/atom/1', async (page) => {
      expect(await link(page, 'History of the job').getAttribute('href')).to.equal('/ui/job/1');
      expect(await link(page, 'History of the atom').getAttribute('href')).to.equal(
        '/ui/job/1?atom=NAME%3Dworse',
      );
      await link(page, 'Build 2: flaky after 2.0 s').click();
      await eventually('the page of that run', () => new URL(page.url()).pathname === '/ui/build/2/atom/1');
      await page.getByRole('heading', { name: /passed worse/ }).waitFor();
      await link(page, 'build 3').click();
      await eventually(
        'the page of the first failure',
        () => new URL(page.url()).pathname === '/ui/build/3/atom/1',
      );
    }));

  it('say so when the atom has always passed', () =>
    visit('/ui/build/1/atom/0', async (page) => {
      await page.getByRole('group', { name: '4 runs: 4 passed, the newest one passed' }).waitFor();
      await page.getByText('passed in all 4 runs').waitFor();
      expect(await page.getByText('fails since').count()).to.equal(0);
      expect(await page.getByText('flaky in').count()).to.equal(0);
    }));

  it('of a flaky atom in its build are its files, and the output of its first failure', () =>
    visit('/ui/build/2', async (page) => {
      await page.getByRole('heading', { name: 'Flaky: passed when they ran again' }).waitFor();
      await link(page, 'output').click();
      expect(await page.locator('pre').innerText()).to.equal('run 0 of worse\n');
      await page.goBack();
      await link(page, 'worse').click();
      await page.getByText('run 1 of worse').waitFor();
      await link(page, 'Artifacts').click();
      await page.getByRole('treeitem', { name: /clusterrunner_console_output/ }).waitFor();
    }));

  it('are shown with the plain name of the atom in the list of folders', () =>
    visit('/ui/build/2/artifacts', async (page) => {
      await page.getByRole('cell', { name: 'worse', exact: true }).waitFor();
    }));
});
