import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { browserOfSuite } from '../../support/browser.js';
import { Cluster } from '../../support/cluster.js';
import { writeFiles } from '../../support/project.js';

describe('the report of a build', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.create();
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': `
Mixed:
    atomizers:
        - T: printf '%s\\n' good 'bad one' 'bad two' '<img src=x onerror=alert(1)>'
    commands:
        - printf '</script><script>alert(1)</script>\\n\\342\\200\\256 the end\\n'
        - echo 'expected 3 to equal 4'
        - case "$T" in bad*) exit 1;; esac
`,
    });
    expect((await cluster.build([])).exitCode).to.equal(1);
  });
  const browser = browserOfSuite();
  after(() => cluster.stop());

  const results = () => join(cluster.cwd, 'build_results');
  const visit = (test: (page: Page) => Promise<void>) =>
    browser.visit(pathToFileURL(join(results(), 'report.html')).href, test);

  it('shows failures in groups and all atoms, from a file and with a policy that allows nothing else', () =>
    visit(async (page) => {
      await page.getByRole('heading', { name: 'Build 1 Mixed' }).waitFor();
      expect(await page.title()).to.equal('✗ 2 failed – Build 1 Mixed');
      expect(await page.locator('article').count()).to.equal(1);
      await page.getByText('1 other ends alike: bad two').waitFor();
      expect(await page.locator('tbody tr').count()).to.equal(4);
      expect(await page.locator('tbody tr').first().innerText()).to.contain('bad one');
    }));

  it('keeps hostile names and outputs as text', () =>
    visit(async (page) => {
      expect(await page.locator('pre').innerText()).to.contain('<script>alert(1)</script>');
      await page.getByText('<img src=x onerror=alert(1)>').waitFor();
      expect(await page.locator('img').count()).to.equal(0);
    }));

  it('filters and orders the atoms', () =>
    visit(async (page) => {
      await page.getByRole('combobox', { name: 'Status' }).selectOption('passed');
      await page.getByRole('combobox', { name: 'Order' }).selectOption('name');
      expect(await page.locator('tbody tr').count()).to.equal(2);
      await page.getByRole('searchbox', { name: 'Atom' }).fill('GOOD');
      expect(await page.locator('tbody tr').count()).to.equal(1);
    }));

  it('links to the files beside it', () =>
    visit(async (page) => {
      await page.getByText(/^Files in artifact_/).click();
      const href = await page.getByRole('link', { name: 'clusterrunner_exit_code' }).getAttribute('href');
      expect(readFileSync(join(results(), href ?? ''), 'utf8')).to.equal('1\n');
    }));

  it('is replaced with the other results, by the next build', async () => {
    writeFileSync(join(results(), 'report.html'), 'an earlier one');
    expect((await cluster.build([])).exitCode).to.equal(1);
    expect(readFileSync(join(results(), 'report.html'), 'utf8')).to.match(/^<!doctype html>/);
  });
});
