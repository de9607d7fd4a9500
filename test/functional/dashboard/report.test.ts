import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { browserOfSuite } from '../../support/browser.js';
import { Cluster } from '../../support/cluster.js';
import { axeFindings, wideElements } from '../../support/page-checks.js';
import { writeFiles } from '../../support/project.js';
import { eventually } from '../../support/wait.js';

const jobs = `
Mixed:
    retries: 1
    atomizers:
        - T: printf '%s\\n' good 'bad one' 'bad two' '<img src=x onerror=alert(1)>' flaky silent
    commands:
        - mkdir -p "$ARTIFACT_DIR/some files"; echo "of $T" > "$ARTIFACT_DIR/some files/a#b.txt"
        - case "$T" in silent) exit 3;; esac
        - printf '</script><script>alert(1)</script>\\n\\342\\200\\256<!-- the end\\n'
        - printf '\\033[31mexpected 3\\033[0m to equal 4\\n'
        - case "$T" in bad*) exit 1;; flaky) [ -e "$PROJECT_DIR/ran" ] || { touch "$PROJECT_DIR/ran"; exit 1; };; esac
Refused:
    setup_build: [exit 9]
    atomizers: [{T: seq 1}]
    commands: ['true']
Slow:
    max_executors: 1
    atomizers: [{T: seq 3}]
    commands: ['touch "$PROJECT_DIR/runs"', sleep 120]
Endless:
    atomizers: [{T: 'touch "$PROJECT_DIR/lists"; sleep 120'}]
    commands: ['true']
Unknown:
    atomizers: [{T: exit 7}]
    commands: ['true']
`;

describe('the report of a build', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.create();
    writeFiles(cluster.cwd, { 'clusterrunner.yaml': jobs });
    writeFiles(cluster.cwd, { 'build_results/report.html': 'an earlier one' });
    expect((await cluster.build(['-j', 'Mixed'])).exitCode).to.equal(1);
  });
  const browser = browserOfSuite();
  after(() => cluster.stop());

  const file = (...path: string[]) => join(cluster.cwd, 'build_results', ...path);
  const visit = (test: (page: Page) => Promise<void>) =>
    browser.visit(pathToFileURL(file('report.html')).href, test);
  const tab = (page: Page, name: string) =>
    page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
  const firstCells = (page: Page) => page.locator('tbody tr td:nth-child(2)').allInnerTexts();

  it('shows the verdict and the failures in groups, opened from a file', () =>
    visit(async (page) => {
      await page.getByRole('heading', { name: 'failed Mixed build 1' }).waitFor();
      expect(await page.title()).to.equal('✗ 3 failed – Mixed – ClusterRunner');
      await page.getByRole('heading', { name: '3 failures in 2 groups' }).waitFor();
      const groups = await page.locator('summary').allInnerTexts();
      expect(groups).to.deep.equal(['✗ 2 atoms: expected 3 to equal 4', '✗ 1 atom: printed nothing']);
      expect(await page.locator('.ansi-red').innerText()).to.equal('expected 3');
    }));

  it('keeps hostile names and outputs as text', () =>
    visit(async (page) => {
      expect(await page.locator('pre').innerText()).to.contain('</script><script>alert(1)</script>');
      await tab(page, 'Atoms');
      await page.getByRole('link', { name: '<img src=x onerror=alert(1)>' }).waitFor();
      expect(await page.locator('img').count()).to.equal(0);
    }));

  it('links to the outputs and the files beside it', () =>
    visit(async (page) => {
      const hrefOf = (name: string) => page.getByRole('link', { name }).first().getAttribute('href');
      const read = async (name: string) =>
        readFileSync(file(decodeURIComponent((await hrefOf(name)) ?? '')), 'utf8');
      expect(await read('some files/a#b.txt')).to.equal('of bad one\n');
      expect(await read('whole output')).to.contain('expected 3');
      await page.getByRole('link', { name: 'bad two' }).click();
      await page.getByText('to equal 4').waitFor();
      expect(page.url()).to.match(/artifact_\d+_2\/clusterrunner_console_output$/);
    }));

  it('links to the files of atoms that passed', () =>
    visit(async (page) => {
      await tab(page, 'Atoms');
      const row = page.getByRole('row').filter({ hasText: 'good' });
      const folder = await row.getByRole('link', { name: 'files' }).getAttribute('href');
      expect(readFileSync(file(folder ?? '', 'some files', 'a#b.txt'), 'utf8')).to.equal('of good\n');
    }));

  it('has commands that rerun failed atoms by hand, with a button that copies them', () =>
    visit(async (page) => {
      const [command = ''] = await page.locator('.rerun code').allInnerTexts();
      expect(command).to.match(/^bash build_results\/artifact_\d+_1\/clusterrunner_command$/);
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await page.getByRole('button', { name: 'Copy the command' }).first().click();
      await page.getByRole('button', { name: 'copied' }).waitFor();
      const env = { ARTIFACT_DIR: join(cluster.root, 'by hand') };
      expect(await cluster.runProgram('bash', ['-c', command], { env }).ended).to.include({ exitCode: 1 });
    }));

  it('filters and orders all atoms, by keys too', () =>
    visit(async (page) => {
      await page.keyboard.press('g');
      await page.keyboard.press('a');
      await page.getByText('6 atoms', { exact: true }).waitFor();
      expect((await firstCells(page)).slice(0, 3)).to.deep.equal(['bad one', 'bad two', 'silent']);
      await page.getByRole('combobox', { name: 'State' }).selectOption('Flaky');
      await page.getByText('1 atom', { exact: true }).waitFor();
      expect(await firstCells(page)).to.deep.equal(['flaky']);
      await page.getByRole('combobox', { name: 'State' }).selectOption('All states');
      await page.keyboard.press('Escape');
      await page.locator('main').focus();
      await page.keyboard.press('/');
      await page.keyboard.type('BAD');
      await page.getByText('2 atoms', { exact: true }).waitFor();
      await page.getByRole('combobox', { name: 'Order' }).selectOption('By name');
      expect(await firstCells(page)).to.deep.equal(['bad one', 'bad two']);
      await page.locator('main').focus();
      await page.keyboard.press('j');
      expect(await page.evaluate('document.activeElement.textContent')).to.equal('bad one');
      await page.keyboard.press('?');
      await page.getByRole('dialog').getByText('Go to the timings').waitFor();
    }));

  it('lists the atoms of a slave after a click on its name', () =>
    visit(async (page) => {
      await tab(page, 'Atoms');
      await page.getByRole('link', { name: 'local' }).first().click();
      await page.getByText('all slaves').waitFor();
      await page.getByText('6 atoms', { exact: true }).waitFor();
      await page.getByRole('link', { name: 'all slaves' }).click();
      await page.getByText('all slaves').waitFor({ state: 'detached' });
    }));

  it('lists slow, flaky and retried atoms', () =>
    visit(async (page) => {
      await tab(page, 'Timings');
      await page.getByRole('heading', { name: 'Slowest' }).waitFor();
      const names = (title: string) =>
        page.getByRole('table', { name: title }).locator('tbody td:first-child').allInnerTexts();
      expect(await names('Flaky: passed when they ran again')).to.deep.equal(['flaky']);
      expect(await names('Ran again and did not pass')).to.deep.equal(['bad one', 'bad two', 'silent']);
    }));

  for (const name of ['Overview', 'Atoms', 'Timings']) {
    it(`violates no rule of axe in light and dark, and fits on a phone: ${name}`, () =>
      visit(async (page) => {
        await tab(page, name);
        expect((await axeFindings(page)).join('\n'), 'light').to.equal('');
        await page.emulateMedia({ colorScheme: 'dark' });
        expect((await axeFindings(page, ['color-contrast'])).join('\n'), 'dark').to.equal('');
        await page.setViewportSize({ width: 360, height: 740 });
        expect((await wideElements(page)).join('\n'), 'on a phone').to.equal('');
      }));
  }

  it('is named beside the results, and in the JSON of a build', async () => {
    const { stdout, stderr } = await cluster.build(['-j', 'Mixed', '--json', '--output', 'out']);
    expect(JSON.parse(stdout).report).to.equal(join(cluster.cwd, 'out', 'report.html'));
    expect(stderr).to.contain('Results: ./out/ (report.html)\n');
    expect(readFileSync(join(cluster.cwd, 'out', 'report.html'), 'utf8')).to.contain('bash out/artifact_');
  });

  for (const job of ['Unknown', 'Refused']) {
    it(`is written for a build that could not be run, beside earlier results: ${job}`, async () => {
      const { exitCode, stdout } = await cluster.build(['-j', job, '--json']);
      expect(exitCode).to.equal(2);
      const { error, report, results } = JSON.parse(stdout);
      expect(error).to.contain('has the results of an earlier build, except for report.html.');
      expect([report, results]).to.deep.equal([file('report.html'), null]);
      await visit(async (page) => {
        await page.getByRole('heading', { name: `error ${job} build` }).waitFor();
        await page.getByText('The other files beside this report are of an earlier build.').waitFor();
        expect(await page.locator('.problem').innerText()).not.to.equal('');
      });
    });
  }

  it('says which atoms an early end has interrupted, and which have not run', async () => {
    const build = cluster.startBuild(['-j', 'Slow']);
    await eventually('an atom runs', () => existsSync(join(cluster.cwd, 'runs')));
    build.signal('SIGINT');
    expect((await build.ended).exitCode).to.equal(130);
    await visit(async (page) => {
      await page.getByRole('heading', { name: 'canceled Slow build' }).waitFor();
      await page.getByRole('heading', { name: 'Interrupted by the end of the build' }).waitFor();
      await tab(page, 'Atoms');
      const statuses = await page.locator('tbody .status').allInnerTexts();
      expect(statuses.map((text) => text.slice(1).trim())).to.deep.equal([
        'interrupted',
        'not run',
        'not run',
      ]);
      expect(await page.locator('tbody tr a[data-row]').count(), 'links to outputs').to.equal(1);
    });
  });

  it('is written for a build that was interrupted before anything ran', async () => {
    const build = cluster.startBuild(['-j', 'Endless', '--output', 'nothing']);
    await eventually('the atomizer runs', () => existsSync(join(cluster.cwd, 'lists')));
    build.signal('SIGINT');
    const { exitCode, stdout } = await build.ended;
    expect(exitCode).to.equal(130);
    expect(stdout).not.to.contain('earlier build');
    expect(readdirSync(join(cluster.cwd, 'nothing')).sort()).to.deep.equal(['.gitignore', 'report.html']);
    await browser.visit(pathToFileURL(join(cluster.cwd, 'nothing', 'report.html')).href, (page) =>
      page.getByRole('heading', { name: 'canceled Endless build' }).waitFor(),
    );
  });

  it('does not change the verdict when it cannot be written', async () => {
    const { exitCode, stdout, stderr } = await cluster.build(
      ['-j', 'Mixed', '--atoms-override', '["good"]'],
      {
        env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(BROKEN)}` },
      },
    );
    expect(exitCode).to.equal(0);
    expect(stdout).to.match(/^SUCCESS: 1 atom passed in .* Results: \.\/build_results\/$/m);
    expect(stderr).to.match(/report\.html could not be written \(.*no space.*\)/);
  });
});

/** A module of a process in which nothing gets the name of a report. */
const BROKEN = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { renameSync } = fs;
fs.renameSync = (from, to) => {
  if (String(to).endsWith('report.html')) throw new Error('there is no space');
  return renameSync(from, to);
};
syncBuiltinESMExports();
`;
