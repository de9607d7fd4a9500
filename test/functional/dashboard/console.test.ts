import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { type BuildId, toId } from '../../../src/protocol/ids.js';
import { browserOfSuite } from '../../support/browser.js';
import type { SimulatedBuild } from '../../support/simulation/simulated-atom.js';
import { SimulatedCluster } from '../../support/simulation/simulated-cluster.js';
import { eventually } from '../../support/wait.js';

/** More than a browser can scroll by pixels. */
const LINES = 600_000;
const lineOf = (n: number) => `line ${n} of the output${n % 200_000 === 123_456 ? ', and a needle' : ''}`;
const longOutput = () => `${Array.from({ length: LINES }, (_, n) => lineOf(n)).join('\n')}\n`;
const HOSTILE = [
  '<img src=x onerror="document.title=1"><script>document.title = 2</script>&lt;b&gt;',
  '\u001b]8;;javascript:alert(1)\u0007a link\u001b]8;;\u0007 \u001b]0;a title\u0007after it',
  '\u202egnp.exe\u2066 \u0000\u0007nul \u001b[2J\u001b[1Acursor \u001b[8mhidden',
  '\u001b[31mred \u001b[38;2;250;250;250mpale \u001b[44mon blue',
  'still on blue\u001b[0m plain',
  '10 %\r55 %\rdone',
  `${'x'.repeat(9_000)}end of the long line`,
].join('\n');

const config = { commands: ['true'], atomizers: [{ NAME: 'list' }] };
const failure = (name: string) =>
  `testing ${name}\n\u001b[31mError: connect ECONNREFUSED 10.0.0.${name.length}:5432\u001b[0m\n    at ${name}.js:12\n`;

const ended: SimulatedBuild = {
  request: { type: 'directory', project_directory: '/project', job_name: 'Outputs', config },
  jobName: 'Outputs',
  atoms: [
    'long',
    'hostile',
    'quiet',
    ...Array.from({ length: 12 }, (_, n) => `refused-${'x'.repeat(n)}`),
  ].map((value) => ({ variable: 'NAME', value })),
  preparationSeconds: 1,
  setupSeconds: 0,
  runAtom: ({ value }) => ({
    seconds: 2,
    exitCode: value === 'long' || value === 'quiet' ? 0 : 1,
    output:
      value === 'long'
        ? longOutput()
        : value === 'hostile'
          ? HOSTILE
          : value === 'quiet'
            ? ''
            : failure(value),
  }),
};

const running: SimulatedBuild = {
  ...ended,
  atoms: [{ variable: 'NAME', value: 'talks' }],
  runAtom: () => ({
    seconds: 1_000,
    exitCode: 0,
    output: Array.from({ length: 1_000 }, (_, n) => `said ${n}\n`).join(''),
  }),
};

describe('the console in a browser', () => {
  const browser = browserOfSuite();
  let directory: string;
  let cluster: SimulatedCluster;
  let build: BuildId;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'console-page-'));
    cluster = await SimulatedCluster.start({
      baseDirectory: directory,
      secret: 'a secret of the tests',
      startsAt: Date.UTC(2026, 2, 1),
      slaves: [{ name: 'first', executors: 4 }],
    });
    build = await cluster.create(ended);
    await cluster.runToEnd(build);
  });
  after(async () => {
    await cluster?.close();
    rmSync(directory, { recursive: true });
  });

  const visit = (path: string, test: (page: Page) => Promise<void>) =>
    browser.visit(`${cluster.url}${path}`, test, { viewport: { width: 1000, height: 700 } });
  const atomPath = (atom: number, rest = '') => `/ui/build/${build}/atom/${atom}${rest}`;
  const line = (page: Page, number: number) => page.locator(`.console-line[data-line="${number}"]`);
  const textOf = (page: Page, number: number) => line(page, number).locator('.line-text').innerText();
  /** The numbers of the lines in the window. */
  async function visible(page: Page): Promise<{ first: number; last: number }> {
    const found: unknown = await page.evaluate(`(() => {
      const window = document.querySelector('.console')?.getBoundingClientRect();
      const inside = [...document.querySelectorAll('.console-line')].filter((line) => {
        const { top, bottom } = line.getBoundingClientRect();
        return bottom > window.top + 1 && top < window.bottom - 1;
      });
      return inside.map((line) => Number(line.dataset.line));
    })()`);
    const numbers = Array.isArray(found) ? found.map(Number) : [];
    return { first: numbers[0] ?? -1, last: numbers.at(-1) ?? -1 };
  }
  const shows = (page: Page, what: string, condition: (shown: { first: number; last: number }) => boolean) =>
    eventually(what, async () => condition(await visible(page)));

  it('is one click from the failures of the build, which are grouped by how they end', () =>
    visit(`/ui/build/${build}`, async (page) => {
      await page.getByRole('heading', { name: '13 failures in 2 groups' }).waitFor();
      const group = page.locator('details').first();
      expect(await group.locator('summary').innerText()).to.match(/12 atoms: Error: connect ECONNREFUSED/);
      expect(await group.locator('pre .ansi-red').innerText()).to.match(/^Error: connect ECONNREFUSED/);
      await group.getByRole('button', { name: 'Show all 12' }).click();
      await eventually('all are listed', async () => (await group.locator('tbody tr').count()) === 12);
      await group.getByRole('link', { name: 'refused-xxx', exact: true }).click();
      await line(page, 1).waitFor();
      expect(new URL(page.url()).pathname).to.equal(atomPath(6));
      expect(await textOf(page, 1)).to.match(/^Error: connect ECONNREFUSED/);
      await page.getByText('exit code 1').waitFor();
      const command = `clusterrunner results ${build} --master-url ${cluster.url} && bash build_results/artifact_6_6/clusterrunner_command`;
      await page.getByText(command).waitFor();
    }));

  it('begins at its end, and is scrolled through by the wheel, the bar and keys', () =>
    visit(atomPath(0), async (page) => {
      await line(page, LINES - 1).waitFor();
      expect(await textOf(page, LINES - 1)).to.equal(lineOf(LINES - 1));
      const before = await visible(page);
      await page.locator('.console').hover();
      await page.mouse.wheel(0, -180);
      await shows(page, 'ten lines above', ({ last }) => last === before.last - 10);
      await page.evaluate(
        `{ const c = document.querySelector('.console'); c.scrollTop = c.scrollHeight / 2; }`,
      );
      await shows(page, 'the middle', ({ first }) => Math.abs(first - LINES / 2) < LINES / 100);
      const { first } = await visible(page);
      await eventually('it is loaded', async () => (await textOf(page, first + 3)) === lineOf(first + 3));
      await page.mouse.wheel(0, 36);
      await shows(page, 'two lines below', (shown) => shown.first === first + 2);
      await page.keyboard.press('g');
      await page.keyboard.press('g');
      await shows(page, 'the start', (shown) => shown.first === 0);
      await eventually('it is loaded', async () => (await textOf(page, 0)) === lineOf(0));
      await page.keyboard.press('j');
      await shows(page, 'one line below', (shown) => shown.first === 1);
      await page.keyboard.press('Shift+G');
      await shows(page, 'the end', ({ last }) => last === LINES - 1);
    }));

  it('is searched whole, with keys to the next and the previous match', () =>
    visit(atomPath(0), async (page) => {
      await line(page, LINES - 1).waitFor();
      await page.keyboard.press('/');
      await page.keyboard.type('A NEEDLE');
      await page.getByText('1 of 3 matches').waitFor();
      expect(await line(page, 123_456).locator('mark').innerText()).to.equal('a needle');
      await page.keyboard.press('Enter');
      await page.getByText('2 of 3 matches').waitFor();
      await line(page, 323_456).locator('mark').waitFor();
      await page.locator('.console').focus();
      await page.keyboard.press('n');
      await page.getByText('3 of 3 matches').waitFor();
      await page.keyboard.press('n');
      await page.getByText('1 of 3 matches').waitFor();
      await page.keyboard.press('Shift+N');
      await page.getByText('3 of 3 matches').waitFor();
      await page.getByRole('button', { name: 'Upper and lower case differ' }).click();
      await page.getByText('no match').waitFor();
      await page.getByRole('searchbox').fill('^line 5.*needle$');
      await page.getByRole('button', { name: 'Regular expression' }).click();
      await page.getByText('1 of 1 match').waitFor();
      await line(page, 523_456).locator('mark').waitFor();
    }));

  it('says what is wrong with an expression, and finds again when it is right', () =>
    browser.visit(
      `${cluster.url}${atomPath(0, '?q=(&regex=1')}`,
      async (page) => {
        await page.getByText('The expression in q is invalid').waitFor();
        await page.getByRole('searchbox').fill('(line) 7 ');
        await page.getByText('1 of 1 match').waitFor();
      },
      { expected: /status of 400/ },
    ));

  it('has links to its lines, which a click and a click with Shift choose', () =>
    visit(atomPath(0, '#L300001-L300003'), async (page) => {
      await line(page, 300_001).and(page.locator('.selected')).waitFor();
      await eventually('it is loaded', async () => (await textOf(page, 300_001)) === lineOf(300_001));
      expect(await page.locator('.selected').count()).to.equal(3);
      await line(page, 300_004).locator('a').click();
      await eventually('the address has the line', () => new URL(page.url()).hash === '#L300005');
      await line(page, 300_006)
        .locator('a')
        .click({ modifiers: ['Shift'] });
      await eventually('the address has the lines', () => new URL(page.url()).hash === '#L300005-L300007');
      expect(await page.locator('.selected').count()).to.equal(3);
      await page.getByRole('button', { name: 'Copy link to lines' }).waitFor();
    }));

  it('says how many lines there are when the address names one beyond the last', () =>
    visit(atomPath(1, '#L999999999'), async (page) => {
      await page.getByText(/^The console has only \d+ lines\.$/).waitFor();
      await page.locator('.console-line a').last().click();
      await page.getByText('The console has only').waitFor({ state: 'hidden' });
    }));

  it('shows hostile output as text, in readable colors', () =>
    visit(atomPath(1), async (page) => {
      await line(page, 6).waitFor();
      expect(await textOf(page, 0)).to.equal(HOSTILE.split('\n')[0]);
      expect(await textOf(page, 1)).to.equal('a link after it');
      expect(await textOf(page, 2)).to.equal('gnp.exe nul cursor hidden');
      expect(await line(page, 3).locator('.on-ansi-blue').innerText()).to.equal('on blue');
      expect(await line(page, 4).locator('.on-ansi-blue').innerText()).to.equal('still on blue');
      expect(await page.title()).to.equal(`✗ hostile – build ${build} – ClusterRunner`);
      expect(await page.locator('main img, main script, .console-line a:not(.line-number)').count()).to.equal(
        0,
      );
    }));

  it('shows the last state of a progress bar, and the beginning of a very long line, until more is wanted', () =>
    visit(atomPath(1), async (page) => {
      await line(page, 5).waitFor();
      expect(await textOf(page, 5)).to.equal('⟲done');
      await line(page, 5).getByRole('button').click();
      expect(await textOf(page, 5)).to.equal('10 %55 %done');
      expect(await textOf(page, 6)).to.match(/^x{4000}… 5,020 more characters$/);
      await line(page, 6).getByRole('button').click();
      expect(await textOf(page, 6)).to.match(/^x{9000}end of the long line$/);
      await page.keyboard.press('w');
      await page.locator('.console.wrapped').waitFor();
      await eventually('the end is visible', async () => (await visible(page)).last === 6);
      const { height } = (await line(page, 6).boundingBox()) ?? { height: 0 };
      expect(height).to.be.greaterThan(36);
      await page.getByRole('searchbox').fill('end of the');
      await page.getByText('1 of 1 match').waitFor();
    }));

  it('can be downloaded whole, and says when the atom printed nothing', async () => {
    await visit(atomPath(0), async (page) => {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'Download' }).click(),
      ]);
      expect(download.suggestedFilename()).to.equal('clusterrunner_console_output');
      await download.cancel();
    });
    await visit(atomPath(2), (page) => page.getByText('The atom printed nothing.').waitFor());
  });

  it('of a running atom follows what it prints, until somebody scrolls up', async () => {
    const id = await cluster.create(running);
    cluster.reportsEverything = true;
    await cluster.runFor(1 + 200);
    await visit(`/ui/build/${id}/atom/0`, async (page) => {
      const total = async () => (await cluster.client.getConsole(id, toId.atom(0), {})).total_num_lines;
      const atEnd = async () => (await visible(page)).last === (await total()) - 1;
      await eventually('it is at the end', atEnd);
      await cluster.runFor(100);
      await eventually('it follows', atEnd);
      expect(await total()).to.be.greaterThan(250);
      await page.locator('.console').hover();
      await page.mouse.wheel(0, -900);
      await page.getByRole('button', { name: 'Follow', pressed: false }).waitFor();
      const { last } = await visible(page);
      await cluster.runFor(100);
      await page.getByRole('searchbox').fill(`said ${(await total()) - 2}`);
      await page.getByText('1 of 1 match').waitFor();
      await page.getByRole('searchbox').fill('');
      await page.locator('.console').focus();
      await page.keyboard.press('f');
      await page.getByRole('button', { name: 'Follow', pressed: true }).waitFor();
      await eventually('it is at the end again', atEnd);
      expect((await visible(page)).last).to.be.greaterThan(last);
      await cluster.runToEnd(id);
      await page.getByRole('link', { name: 'Download' }).waitFor();
      await eventually('it has all lines', async () => (await visible(page)).last === 999);
    });
  });

  it('of a running atom stays where it is when nobody wants to follow it', async () => {
    const id = await cluster.create(running);
    cluster.reportsEverything = true;
    await cluster.runFor(1 + 200);
    await visit(`/ui/build/${id}/atom/0`, async (page) => {
      await page.getByRole('button', { name: 'Follow', pressed: true }).click();
      await page.getByRole('button', { name: 'Follow', pressed: false }).waitFor();
      const before = await visible(page);
      const length = async () =>
        Number(await page.evaluate("document.querySelector('.console').scrollHeight"));
      const lengthBefore = await length();
      await cluster.runFor(100);
      await eventually('lines were added', async () => (await length()) > lengthBefore);
      expect(await visible(page)).to.deep.equal(before);
      await page.keyboard.press('Shift+G');
      await page.getByRole('button', { name: 'Follow', pressed: true }).waitFor();
      await shows(page, 'the end', ({ last }) => last > before.last);
    });
    await cluster.runToEnd(id);
  });
});
