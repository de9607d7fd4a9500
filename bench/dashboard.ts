import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { MasterClient } from '../src/client/index.js';
import { findChromium, TestBrowser } from '../test/support/browser.js';
import { axeFindings, settled } from '../test/support/page-checks.js';
import { eventually } from '../test/support/wait.js';
import { compressedResponse, consoleSearch } from './dashboard/api-figures.js';
import { makeLargeStore } from './dashboard/large-store.js';
import { firstPaint, frameTimes, heapMegabytes, noteWhenShown, whenShown } from './dashboard/page-timing.js';
import { benchOptions } from './support/options.js';
import { Report, type Row } from './support/report.js';
import { startMaster } from './support/service.js';
import { median, round } from './support/statistics.js';
import { inWorkplace } from './support/workplace.js';

/*
 * The dashboard with a build of 100,000 atoms on 200 executors, and with a console of 1 GiB. Measured are its files, the
 * responses that it asks for, the time until its views are shown, their memory, and their frames while they move.
 *
 *   node dist/bench/dashboard.js [--quick] [--json FILE] [--rounds N]
 *
 * The browser is a Chromium without a graphics card on the same machine, so its frames are drawn by the CPU.
 */

const options = benchOptions(11, 2);
const size = options.quick ? { atoms: 1500, mebibytes: 16 } : { atoms: 100_000, mebibytes: 1024 };
const report = new Report('dashboard', options);

function fileSizes(): Row[] {
  const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'dashboard');
  const sizeOf = (suffix: string) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(`${suffix}.gz`))
      .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0) / 1000;
  return [
    { files: 'scripts', 'KB gzipped': round(sizeOf('.js'), 1) },
    { files: 'styles', 'KB gzipped': round(sizeOf('.css'), 1) },
    { files: 'all', 'KB gzipped': round(sizeOf(''), 1) },
  ];
}

report.table('Files of the page', fileSizes());

await inWorkplace('dashboard', async ({ env, secret, cleanup }) => {
  const base = env.CLUSTERRUNNER_BASE_DIRECTORY ?? '';
  const { large, talkative } = await makeLargeStore(base, secret, size);
  const master = await startMaster(env);
  cleanup.add(master.stop);
  const client = new MasterClient({ url: master.url, secret, timeoutSeconds: 120 });
  cleanup.add(() => client.close());

  const atoms = `${master.url}/v1/build/${large}/atom`;
  const responses: Row[] = [];
  for (const url of [
    `${master.url}/v1/build/${large}/timeline`,
    `${master.url}/v1/build/${large}`,
    `${atoms}?limit=100`,
    `${atoms}?q=module_37&limit=100`,
    `${atoms}?sort=-duration&limit=100`,
    `${master.url}/v1/build/${large}/failure-group`,
  ]) {
    responses.push(await compressedResponse(url, options.rounds));
  }
  report.table(`Responses about a build of ${size.atoms} atoms`, responses);
  report.table(`Search in a console of ${size.mebibytes} MiB for a text that one line has`, [
    await consoleSearch(client, talkative, `${String(size.mebibytes * 20_000).padStart(9, '0')} `),
  ]);

  const chromium = findChromium();
  if (chromium === null) {
    process.stderr.write('No Chromium is installed, so nothing is measured in a browser.\n');
    return;
  }
  const browser = await TestBrowser.launch(chromium);
  cleanup.add(() => browser.close());

  const row = 'main tbody td';
  const views = {
    'list of builds': { path: '/', shown: row },
    build: { path: `/ui/build/${large}`, shown: 'main h1' },
    atoms: { path: `/ui/build/${large}/atoms`, shown: row },
    // Its size is set when it is painted.
    timeline: { path: `/ui/build/${large}/timeline`, shown: '.timeline canvas[width]' },
    console: { path: `/ui/build/${talkative}/atom/0`, shown: '.console-line' },
  };
  const shown: Row[] = [];
  for (const [view, { path, shown: selector }] of Object.entries(views)) {
    const times: { paint: number; shown: number }[] = [];
    let heap = 0;
    let findings: string[] = [];
    for (let turn = 0; turn < options.rounds; turn += 1) {
      await browser.visit(
        master.url + path,
        async (page) => {
          times.push({ shown: await whenShown(page, selector), paint: await firstPaint(page) });
          if (turn === 0) {
            await settled(page);
            heap = await heapMegabytes(page);
            findings = await axeFindings(page);
          }
        },
        { prepare: (page) => noteWhenShown(page, selector) },
      );
    }
    shown.push({
      view,
      'first paint ms': round(median(times.map((time) => time.paint)), 0),
      'shown ms': round(median(times.map((time) => time.shown)), 0),
      'heap MB': heap,
      'findings of axe': findings.length,
    });
  }
  report.table(`Views of a build of ${size.atoms} atoms; medians of ${options.rounds}`, shown);

  const moves: Row[] = [];
  const moveIn = (page: Page) => async (how: string, act: string) => {
    const { p95, most } = await frameTimes(page, options.quick ? 30 : 300, act);
    moves.push({
      move: how,
      'frame p95 ms': p95,
      'longest frame ms': most,
      'heap MB': await heapMegabytes(page),
    });
  };
  const searches: Row[] = [];
  const search = async (page: Page, name: string, text: string, isFound: (status: string) => boolean) => {
    const start = performance.now();
    await page.getByRole('searchbox').fill(text);
    await eventually(`${text} is found`, async () =>
      isFound((await page.getByRole('status').allInnerTexts()).join(' ')),
    );
    const ms = round(performance.now() - start, 0);
    searches.push({ search: name, ms, 'heap MB': await heapMegabytes(page) });
  };
  /** Far from one place to the next. */
  const jump = (height: string) => `(n * 7919 * 101) % ${height}`;
  await browser.visit(`${master.url}/ui/build/${large}/atoms`, async (page) => {
    await page.locator(row).first().waitFor();
    const move = moveIn(page);
    await move('scroll the atoms', '() => window.scrollBy(0, 300)');
    const height = 'document.documentElement.scrollHeight';
    await move('jump in the atoms', `(n) => window.scrollTo(0, ${jump(height)})`);
    const all = await page.getByRole('status').first().innerText();
    await search(page, 'name of an atom', 'module_37', (status) => /\d atoms/.test(status) && status !== all);
  });
  await browser.visit(`${master.url}/ui/build/${talkative}/atom/0`, async (page) => {
    await page.locator('.console-line').first().waitFor();
    const move = moveIn(page);
    const scroller = "document.querySelector('.console')";
    await move('scroll the console', `() => ${scroller}.scrollBy(0, -300)`);
    await move('jump in the console', `(n) => ${scroller}.scrollTo(0, ${jump(`${scroller}.scrollHeight`)})`);
    const line = `${String(size.mebibytes * 10_000).padStart(9, '0')} `;
    await search(page, `console of ${size.mebibytes} MiB`, line, (status) => status.includes('1 of 1 '));
  });
  await browser.visit(`${master.url}/ui/build/${large}/timeline`, async (page) => {
    await page.locator('.timeline canvas[width]').waitFor();
    await settled(page);
    const move = moveIn(page);
    const wheel = (members: string) => `(n) => {
      const canvas = document.querySelector('.timeline canvas');
      const { left, top, width, height } = canvas.getBoundingClientRect();
      const middle = { clientX: left + width * 0.6, clientY: top + height / 2 };
      const how = { bubbles: true, cancelable: true, ...middle, ${members} };
      canvas.dispatchEvent(new WheelEvent('wheel', how));
    }`;
    await move('zoom the timeline', wheel('ctrlKey: true, deltaY: n % 60 < 30 ? -12 : 12'));
    await page.keyboard.press('+');
    await page.keyboard.press('+');
    await move('pan the timeline', wheel('deltaX: n % 100 < 50 ? 30 : -30'));
    await move(
      'scroll the timeline',
      '(n) => document.querySelector(".timeline").scrollBy(0, n % 100 < 50 ? 20 : -20)',
    );
    await move(
      'point at the timeline',
      `(n) => {
        const canvas = document.querySelector('.timeline canvas');
        const { left, top, width, height } = canvas.getBoundingClientRect();
        const [clientX, clientY] = [left + 200 + ((n * 13) % (width - 200)), top + 70 + ((n * 7) % (height - 80))];
        canvas.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX, clientY }));
      }`,
    );
  });
  report.table('Frames while a view moves', moves);
  report.table('Searches in the page', searches);
});
report.end();
