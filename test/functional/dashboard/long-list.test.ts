import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import type { BuildId } from '../../../src/protocol/ids.js';
import { browserOfSuite } from '../../support/browser.js';
import type { SimulatedBuild } from '../../support/simulation/simulated-atom.js';
import { SimulatedCluster } from '../../support/simulation/simulated-cluster.js';
import { eventually } from '../../support/wait.js';

/** Higher than a browser can make an element. */
const ROWS = 3_000_000;
const ROW_HEIGHT = 28;
const config = { commands: ['true'], atomizers: [{ NAME: 'list' }] };
const build: SimulatedBuild = {
  request: { type: 'directory', project_directory: '/project', job_name: 'Rows', config },
  jobName: 'Rows',
  atoms: [{ variable: 'NAME', value: 'only' }],
  preparationSeconds: 1,
  setupSeconds: 0,
  runAtom: () => ({ seconds: 1, exitCode: 0, output: '' }),
};

describe('a long list in a browser', () => {
  const browser = browserOfSuite();
  let directory: string;
  let cluster: SimulatedCluster;
  let id: BuildId;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'long-list-'));
    cluster = await SimulatedCluster.start({
      baseDirectory: directory,
      secret: 'a secret of the tests',
      startsAt: Date.UTC(2026, 2, 1),
      slaves: [{ name: 'first', executors: 1 }],
    });
    for (let n = 0; n < 60; n += 1) {
      id = await cluster.create(build);
      await cluster.runToEnd(id);
    }
  });
  after(async () => {
    await cluster?.close();
    rmSync(directory, { recursive: true });
  });

  const viewport = { width: 900, height: 700 };
  /** Repeats the one atom of the build in each response. */
  const withManyAtoms = async (page: Page) => {
    await page.route(/\/v1\/build\/\d+\/atom\?/, async (route) => {
      const url = new URL(route.request().url());
      const { offset, limit } = Object.fromEntries(url.searchParams);
      url.searchParams.set('offset', '0');
      const response = await route.fetch({ url: url.href });
      const { atoms } = await response.json();
      const of = (n: number) => ({ ...atoms[0], id: n, command_string: `export NAME='atom ${n}';` });
      const count = Math.min(Number(limit), ROWS - Number(offset));
      const rows = Array.from({ length: count }, (_, n) => of(Number(offset) + n));
      await route.fulfill({ response, json: { atoms: rows, total: ROWS } });
    });
  };
  const visitAtoms = (test: (page: Page) => Promise<void>) =>
    browser.visit(`${cluster.url}/ui/build/${id}/atoms`, test, { viewport, prepare: withManyAtoms });

  /** The rows that are visible below the head of the table, and where each begins. */
  async function visible(page: Page): Promise<{ text: string; index: number; top: number }[]> {
    const found: unknown = await page.evaluate(`(() => {
      const covered = document.querySelector('thead')?.getBoundingClientRect().bottom ?? 0;
      return [...document.querySelectorAll('tbody tr')].map((row) => {
        const { top, bottom } = row.getBoundingClientRect();
        return { text: row.querySelector('[data-row]')?.textContent ?? '', index: Number(row.ariaRowIndex), top, bottom };
      }).filter(({ top, bottom }) => bottom > covered + 1 && top < window.innerHeight - 1);
    })()`);
    return Array.isArray(found) ? found : [];
  }
  const shows = (page: Page, fact: string, condition: (first: number, last: number) => boolean) =>
    eventually(fact, async () => {
      const rows = await visible(page);
      const isLoaded = rows.every(({ text, index }) => text === `atom ${index - 2}`);
      return isLoaded && rows.length > 5 && condition(rows[0]?.index ?? 0, rows.at(-1)?.index ?? 0);
    });

  it('is a table of all rows, of which only the visible ones are in the document', () =>
    visitAtoms(async (page) => {
      await shows(page, 'the first rows', (first) => first === 2);
      expect(await page.getByRole('table').getAttribute('aria-rowcount')).to.equal(String(ROWS + 1));
      expect(await page.locator('tbody tr').count()).to.be.within(10, 100);
      expect(await page.locator('thead tr').getAttribute('aria-rowindex')).to.equal('1');
      const [one, two] = await visible(page);
      expect((two?.top ?? 0) - (one?.top ?? 0)).to.equal(ROW_HEIGHT);
    }));

  it('is scrolled to each of three million rows, by the wheel and by the bar', () =>
    visitAtoms(async (page) => {
      await shows(page, 'the first rows', (first) => first === 2);
      await page.evaluate('window.scrollTo(0, document.documentElement.scrollHeight / 2)');
      await shows(page, 'the middle', (first) => Math.abs(first - ROWS / 2) < ROWS / 100);
      const [before] = await visible(page);
      await page.mouse.move(400, 400);
      await page.mouse.wheel(0, 10 * ROW_HEIGHT);
      await shows(page, 'ten rows below', (first) => first === (before?.index ?? 0) + 10);
      await page.evaluate('window.scrollTo(0, document.documentElement.scrollHeight)');
      await shows(page, 'the last row', (_, last) => last === ROWS + 1);
      await page.mouse.wheel(0, -10 * ROW_HEIGHT);
      await shows(page, 'rows before the last', (_, last) => last < ROWS - 5 && last > ROWS - 12);
      await page.evaluate('window.scrollTo(0, 0)');
      await shows(page, 'the first rows again', (first) => first === 2);
    }));

  it('is walked through with j and k, which scroll it', () =>
    visitAtoms(async (page) => {
      await shows(page, 'the first rows', (first) => first === 2);
      for (let n = 0; n < 40; n += 1) {
        await page.keyboard.press('j');
      }
      expect(await page.locator(':focus').innerText()).to.equal('atom 39');
      await shows(page, 'the focused row', (first, last) => first > 2 && last >= 41);
      for (let n = 0; n < 38; n += 1) {
        await page.keyboard.press('k');
      }
      await shows(page, 'the focused row below the head of the table', (first) => first <= 3);
      expect(await page.locator(':focus').innerText()).to.equal('atom 1');
    }));

  it('keeps its visible rows and the focused one while rows are added above them', () =>
    browser.visit(
      `${cluster.url}/ui/builds`,
      async (page) => {
        await page.locator('[data-row]').first().waitFor();
        await page.evaluate(`window.scrollTo(0, ${20 * ROW_HEIGHT})`);
        await page.locator(`a[href="/ui/build/${id - 25}"]`).focus();
        await eventually('the rows there are shown', async () => ((await visible(page))[0]?.index ?? 0) > 2);
        const before = await visible(page);
        await cluster.create(build);
        await cluster.runFor(1);
        const rowOf = (n: number) => page.locator(`tr[aria-rowindex="${n}"]`);
        await eventually('a row was added', async () =>
          (await rowOf(before[3]?.index ?? 0).innerText()).includes(before[2]?.text ?? '-'),
        );
        const after = await visible(page);
        expect(after.map(({ text }) => text)).to.deep.equal(before.map(({ text }) => text));
        expect(after[0]?.top).to.be.closeTo(before[0]?.top ?? 0, 1);
        expect(await page.locator(':focus').innerText()).to.equal(String(id - 25));
      },
      { viewport },
    ));
});
