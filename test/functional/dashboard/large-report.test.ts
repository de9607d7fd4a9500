import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { GatheredAtoms } from '../../../src/cli/build/results/report/report-atoms.js';
import { MAX_HTML_BYTES, writeReport } from '../../../src/cli/build/results/report/write-report.js';
import { resultPlace } from '../../../src/cli/build/results/result-place.js';
import type { Build } from '../../../src/protocol/build/build.js';
import type { Atom } from '../../../src/protocol/build/work.js';
import { toId } from '../../../src/protocol/ids.js';
import { noFacts } from '../../../src/protocol/results/result-facts.js';
import { browserOfSuite } from '../../support/browser.js';
import { runningBuild } from '../../support/running-build.js';

const ATOMS = 120_000;

function atom(id: number): Atom {
  const isFailed = id % 1000 === 999;
  return {
    id: toId.atom(id),
    subjob_id: toId.subjob(Math.floor(id / 8)),
    command_string: `export TEST='services/part${id % 97}/tests/test_of_a_feature_${id}.py';`,
    state: 'COMPLETED',
    outcome: isFailed ? 'FAILED' : 'PASSED',
    slave: `worker-${id % 50}`,
    num_retries: 0,
    exit_code: isFailed ? 1 : 0,
    expected_time: null,
    actual_time: ((id * 7919) % 10_000) / 100,
    started_at: null,
    cached_from: null,
    not_cached: null,
    error: null,
    ...noFacts,
  };
}

describe('the report of a build with more atoms than it lists', () => {
  let directory: string;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'large-report-'));
    const atoms = Array.from({ length: ATOMS }, (_, id) => atom(id));
    const failed = atoms.filter(({ outcome }) => outcome === 'FAILED');
    const build: Build = {
      ...runningBuild,
      status: 'FAILURE',
      state: 'FINISHED',
      result: 'FAILURE',
      num_atoms: ATOMS,
      num_atoms_done: ATOMS,
      num_atoms_failed: failed.length,
      failed_atoms: failed,
    };
    const all = new GatheredAtoms(['TEST']);
    all.add(atoms);
    const place = resultPlace(undefined, directory);
    const target = { directory, place, masterUrl: null, hasResults: true, leftOut: [] };
    await writeReport(build, all, target, new AbortController().signal);
  });
  const browser = browserOfSuite();
  after(() => rmSync(directory, { recursive: true }));

  it('lists the failed and the longest ones, says so, and finds each by its name', () =>
    browser.visit(pathToFileURL(join(directory, 'report.html')).href, async (page) => {
      await page.getByText('100,000 of 120,000 atoms are listed').waitFor();
      await page.getByRole('navigation').getByRole('link', { name: 'Atoms' }).click();
      await page.getByText('100,000 atoms', { exact: true }).waitFor();
      expect(await page.locator('tbody tr').count()).to.be.lessThan(200);
      await page.getByRole('searchbox').fill('feature_119999.');
      await page.getByText('1 atom', { exact: true }).waitFor();
      expect(await page.locator('tbody .status').innerText()).to.contain('failed');
      expect(await page.locator('tbody tr').innerText()).to.contain('worker-49');
    }));

  it('stays within the bound of its size', () => {
    expect(statSync(join(directory, 'report.html')).size).to.be.within(1024 ** 2, MAX_HTML_BYTES);
  });
});
