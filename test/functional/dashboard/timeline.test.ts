import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import type { Timeline } from '../../../src/protocol/build/timeline.js';
import { type BuildId, toId } from '../../../src/protocol/ids.js';
import { browserOfSuite, type VisitOptions } from '../../support/browser.js';
import { axeFindings, settled } from '../../support/page-checks.js';
import type { SimulatedBuild } from '../../support/simulation/simulated-atom.js';
import { SimulatedCluster } from '../../support/simulation/simulated-cluster.js';
import { eventually } from '../../support/wait.js';

const HOSTILE = '<img src=x onerror="document.title=1">\u202ereversed';
const NAMES = ['slow', 'broken', 'unsteady', HOSTILE, ...Array.from({ length: 14 }, (_, n) => `quick-${n}`)];
const config = { commands: ['true'], atomizers: [{ NAME: 'list' }], retries: 1 };
const finished: SimulatedBuild = {
  request: { type: 'directory', project_directory: '/project', job_name: 'Steps', config },
  jobName: 'Steps',
  atoms: NAMES.map((value) => ({ variable: 'NAME', value })),
  preparationSeconds: 5,
  setupSeconds: 10,
  runAtom: ({ value }, run) => ({
    seconds: value === 'slow' ? 200 : 20,
    exitCode: value === 'broken' || (value === 'unsteady' && run === 0) ? 1 : 0,
    output: 'tested\n',
  }),
};
const endless: SimulatedBuild = { ...finished, runAtom: () => ({ seconds: 30, exitCode: 0, output: '' }) };

/** A response of the master about executors that all had the same work. */
function largeTimeline(executors: number): Timeline {
  const all = Array.from({ length: executors }, (_, n) => n);
  const none = { executor: [], start: [], duration: [] };
  return {
    now: 1_700_000_100,
    begins: 1_700_000_000,
    ends: 1_700_000_100,
    cursor: 'end',
    complete: true,
    whole: true,
    num_unplaced: 3,
    preparations: [],
    executors: all.map((n) => ({
      slave_id: toId.slave(1 + Math.floor(n / 10)),
      slave: `machine-${String(1 + Math.floor(n / 10)).padStart(2, '0')}`,
      index: n % 10,
    })),
    setups: { executor: all, start: all.map(() => 1000), duration: all.map(() => 9000) },
    fruitless: { executor: [0], start: [10_000], duration: [30_000], end: [0] },
    retried: { id: [], ...none },
    atoms: {
      id: all,
      executor: all,
      start: all.map(() => 50_000),
      duration: all.map(() => 20_000),
      state: all.map((n) => (n === 1 ? 2 : 1)),
    },
    states: ['in_progress', 'passed', 'failed', 'lost', 'interrupted', 'flaky'],
    ends_of_fruitless: ['lost', 'returned', 'canceled'],
  };
}

describe('the timeline of a build in a browser', () => {
  const browser = browserOfSuite();
  let directory: string;
  let cluster: SimulatedCluster;
  let build: BuildId;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'timeline-page-'));
    cluster = await SimulatedCluster.start({
      baseDirectory: directory,
      secret: 'a secret of the tests',
      startsAt: Date.UTC(2026, 2, 1),
      slaves: [
        { name: 'first', executors: 3 },
        { name: 'second', executors: 3 },
      ],
    });
    build = await cluster.create(finished);
    await cluster.runToEnd(build);
  });
  after(async () => {
    await cluster?.close();
    rmSync(directory, { recursive: true });
  });

  const visit = (path: string, test: (page: Page) => Promise<void>, options: VisitOptions = {}) =>
    browser.visit(`${cluster.url}${path}`, test, { viewport: { width: 1000, height: 700 }, ...options });
  const visitTimeline = (test: (page: Page) => Promise<void>, options?: VisitOptions) =>
    visit(
      `/ui/build/${build}/timeline`,
      async (page) => {
        await page.getByRole('application', { name: 'Timeline' }).waitFor();
        await settled(page);
        await test(page);
      },
      options,
    );
  const visitLarge = (executors: number, test: (page: Page) => Promise<void>) =>
    visitTimeline(test, {
      prepare: async (page) => {
        // Requests for what is new have a query.
        await page.route(/\/v1\/build\/\d+\/timeline(\?|$)/, (route) =>
          route.fulfill({ json: largeTimeline(executors) }),
        );
      },
      // The build has no such atoms.
      expected: /404/,
    });
  const canvas = (page: Page) => page.locator('.timeline canvas');
  const picture = (page: Page) => page.evaluate('document.querySelector(".timeline canvas").toDataURL()');
  const tip = (page: Page) => page.locator('.timeline-tip');
  const focused = (page: Page) => page.locator('p.unseen[role=status]');
  const press = async (page: Page, ...keys: string[]) => {
    for (const key of keys) {
      await page.keyboard.press(key);
    }
  };

  /** Waits until the page has painted what the last move or key has changed. */
  const painted = (page: Page) =>
    page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(null))))',
    );
  const tipText = async (page: Page) => {
    await painted(page);
    return (await tip(page).allInnerTexts()).join();
  };

  /** Walks through all bars, row by row, until one has a description that matches; false if none has. */
  async function focusBar(page: Page, description: RegExp): Promise<boolean> {
    const leadsOn = async (key: string) => {
      const before = await tipText(page);
      await press(page, key);
      return (await tipText(page)) !== before;
    };
    await page.getByRole('application').focus();
    await press(page, 'Escape', 'ArrowRight');
    do {
      await press(page, 'Home');
      do {
        if (description.test(await tipText(page))) {
          return true;
        }
      } while (await leadsOn('ArrowRight'));
    } while (await leadsOn('ArrowDown'));
    return false;
  }

  /** Moves the pointer to a bar whose description matches. */
  const pointAt = (page: Page, description: RegExp) =>
    eventually(`the pointer is over a bar like ${description}`, async () => {
      const isThere = await focusBar(page, description);
      const chart = await canvas(page).boundingBox();
      const { x: left, y: below } = (await tip(page).boundingBox()) ?? { x: 0, y: 0 };
      await press(page, 'Escape');
      if (!isThere || chart === null) {
        return false;
      }
      // The tip is 6 pixels below the row, which is at least as high, and begins where the bar does or left of it.
      for (let x = left + 2; x < chart.x + chart.width; x += 6) {
        await page.mouse.move(x, below - 9);
        if (description.test(await tipText(page))) {
          return true;
        }
      }
      return false;
    });

  /** Walks with a key until the description of the focused bar matches. */
  async function walkTo(page: Page, key: string, description: RegExp): Promise<void> {
    for (let step = 0; step < 40; step += 1) {
      await page.keyboard.press(key);
      await painted(page);
      const text = await focused(page).innerText();
      if (description.test(text)) {
        return;
      }
    }
    throw new Error(`No bar on the way with ${key} has a description like ${description}.`);
  }

  it('is one click from the build, and says why it took so long', () =>
    visit(`/ui/build/${build}`, async (page) => {
      await page.getByRole('link', { name: 'Timeline' }).click();
      await page.getByText(/^3 min 35 s in all: 5\.0 s preparation, then work on 6 executors\.$/).waitFor();
      await page
        .getByText(
          /^In the last \d min \d\d s only 1 of 6 executors was busy: with slow, which alone determined/,
        )
        .waitFor();
      await page.getByText(/^The slowest atom is slow: 3 min 20 s, 93 % of the total\.$/).waitFor();
      await page.getByText(/^2 failed runs of atoms that ran again took 40 s of the executors\.$/).waitFor();
      await page.getByRole('list', { name: 'Legend' }).getByText('passed after a retry').waitFor();
    }));

  it('lists the slowest atoms with links', () =>
    visitTimeline(async (page) => {
      const first = page.getByRole('table', { name: 'Slowest atoms' }).locator('tbody tr').first();
      expect((await first.innerText()).split(/\s*\t\s*/)).to.deep.equal([
        'slow',
        'passed',
        '3 min 20 s',
        '0:15',
        'first',
      ]);
      await first.getByRole('link', { name: 'slow' }).click();
      await page.waitForURL(`**/ui/build/${build}/atom/0`);
    }));

  it('tells about the bar under the pointer, which a click opens', () =>
    visitTimeline(async (page) => {
      await pointAt(page, /failed 20 s/);
      await eventually('its name is loaded', async () => /^broken\n/.test(await tipText(page)));
      expect(await tipText(page)).to.match(
        /^broken\s+failed 20 s from \d:\d\d to \d:\d\d\s+(first|second), executor \d$/,
      );
      await page.mouse.move(5, 5);
      await eventually('it is gone', async () => (await tip(page).count()) === 0);
      await pointAt(page, /failed 20 s/);
      await page.mouse.down();
      await page.mouse.up();
      await page.waitForURL(`**/ui/build/${build}/atom/1`);
    }));

  it('is walked through with arrow keys, and Enter opens the atom', () =>
    visitTimeline(async (page) => {
      await page.getByRole('application').focus();
      await press(page, 'ArrowRight');
      expect(await focused(page).innerText()).to.match(/^setup, 10 s from 0:05 to 0:15, first, executor 0$/);
      await press(page, 'ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowUp');
      expect(await focused(page).innerText()).to.match(/, first, executor 2$/);
      await press(page, 'ArrowUp', 'ArrowUp');
      await walkTo(page, 'ArrowRight', /^atom|^slow/);
      await eventually('its name is loaded', async () =>
        /^slow: passed, 3 min 20 s from 0:15 to 3:35, first, executor 0$/.test(
          await focused(page).innerText(),
        ),
      );
      await press(page, 'Home', 'ArrowUp');
      expect(await focused(page).innerText()).to.match(/^preparation, 5\.0 s from 0:00 to 0:05, /);
      await press(page, 'ArrowDown', 'End', 'Enter');
      await page.waitForURL(`**/ui/build/${build}/atom/0`);
    }));

  it('is zoomed by keys, buttons and the wheel with Ctrl, and moved by keys and dragging', () =>
    visitTimeline(async (page) => {
      const whole = await picture(page);
      const changes = async (what: string, act: () => Promise<void>) => {
        const before = await picture(page);
        await act();
        await eventually(`${what} changes the picture`, async () => (await picture(page)) !== before);
      };
      const isWhole = async () => {
        await page.mouse.move(5, 5);
        await eventually('all is shown again', async () => (await picture(page)) === whole);
      };
      await changes('the key +', () => press(page, '+'));
      await press(page, '0');
      await isWhole();
      await changes('the button', () => page.getByRole('button', { name: 'Zoom in' }).click());
      await changes('the button', () => page.getByRole('button', { name: 'Zoom in' }).click());
      await page.getByRole('application').focus();
      await changes('Shift with an arrow', () => press(page, 'Shift+ArrowRight'));
      const { x = 0, y = 0 } = (await canvas(page).boundingBox()) ?? {};
      await changes('dragging', async () => {
        await page.mouse.move(x + 600, y + 100);
        await page.mouse.down();
        await page.mouse.move(x + 500, y + 100, { steps: 4 });
        await page.mouse.up();
      });
      expect(new URL(page.url()).pathname, 'dragging opens nothing').to.match(/timeline$/);
      await page.getByRole('button', { name: 'Whole build' }).click();
      await page.getByRole('heading', { level: 1 }).click();
      await isWhole();
      await page.mouse.move(x + 600, y + 100);
      await page.keyboard.down('Control');
      await changes('the wheel', () => page.mouse.wheel(0, -120));
      await page.mouse.wheel(0, 2000);
      await page.keyboard.up('Control');
      await isWhole();
    }));

  it('has its zoom in the address, without filling the history', () =>
    visitTimeline(async (page) => {
      const whole = await picture(page);
      const length = await page.evaluate('history.length');
      await press(page, '+', '+', '+');
      await page.waitForURL(/[?&]from=\d+&to=\d+$/);
      expect(await page.evaluate('history.length')).to.equal(length);
      const shared = page.url();
      await page.reload();
      await page.getByRole('application', { name: 'Timeline' }).waitFor();
      await settled(page);
      expect(await picture(page)).to.not.equal(whole);
      expect(page.url()).to.equal(shared);
      await press(page, '0');
      await page.waitForURL(/\/timeline$/);
      await eventually('all is shown', async () => (await picture(page)) === whole);
    }));

  it('keeps hostile names of atoms as text', () =>
    visitTimeline(async (page) => {
      await page.getByRole('application').focus();
      const isThere = async () => (await tipText(page)).includes('<img src=x onerror=');
      for (let row = 0, found = false; row < 8 && !found; row += 1) {
        await press(page, 'ArrowDown', 'Home');
        for (let step = 0; step < 6 && !found; step += 1) {
          await press(page, 'ArrowRight');
          await settled(page);
          found = await isThere();
        }
      }
      expect(await isThere()).to.equal(true);
      expect(await focused(page).innerText()).to.contain('<img src=x onerror="document.title=1">');
      expect(await page.locator('main img').count()).to.equal(0);
      expect(await page.title()).to.not.equal('1');
    }));

  it('is painted in the colors of the theme', () =>
    visitTimeline(async (page) => {
      const corner = () =>
        page.evaluate(
          '[...document.querySelector(".timeline canvas").getContext("2d").getImageData(1, 1, 1, 1).data].join()',
        );
      expect(await corner()).to.equal('255,255,255,255');
      await page.emulateMedia({ colorScheme: 'dark' });
      await eventually('it is dark', async () => (await corner()) === '20,23,26,255');
    }));

  it('grows while the build runs, and then is complete', async () => {
    const running = await cluster.create(endless);
    cluster.reportsEverything = true;
    await cluster.runFor(20);
    await visit(`/ui/build/${running}/timeline`, async (page) => {
      await page.getByText(/^2\d s so far: 5\.0 s preparation, then work on 6 executors\.$/).waitFor();
      await page.getByRole('application').focus();
      await press(page, 'ArrowRight');
      await walkTo(page, 'ArrowRight', /running, \d\.\d s so far, since 0:15, first, executor 0$/);
      const before = await picture(page);
      await cluster.runFor(20);
      await page.getByText(/^4\d s so far: /).waitFor();
      await eventually('the focused bar has grown', async () =>
        /running, 2\d s so far, since 0:15, first/.test(await focused(page).innerText()),
      );
      expect(await picture(page)).to.not.equal(before);
      await cluster.runToEnd(running);
      await page.getByText(/^1 min \d\d s in all: /).waitFor();
    });
  });

  it('says that a build is being prepared, before anything has run', async () => {
    const prepared = await cluster.create(endless);
    await cluster.runFor(2);
    await visit(`/ui/build/${prepared}/timeline`, async (page) => {
      await page.getByText(/^\d\.\d s so far: \d\.\d s preparation\.$/).waitFor();
      await page.getByText('No atom has begun yet; a slave prepares the build first.').waitFor();
    });
    await cluster.runToEnd(prepared);
  });

  it('says that nothing has run of a build that ended before that', async () => {
    const canceled = await cluster.create(endless);
    await cluster.cancel(canceled);
    await visit(`/ui/build/${canceled}/timeline`, async (page) => {
      await page.getByText(/No atom of this build has run|Nothing of this build has run/).waitFor();
    });
  });

  it('counts the atoms of which it is not known when they ran, and shows work that was lost', () =>
    visitLarge(20, async (page) => {
      await page.getByText('3 atoms are missing here, since it is not known when they ran.').waitFor();
      await page.getByText('work lost with its slave').waitFor();
      await pointAt(page, /work lost with its slave 30 s from 0:10 to 0:40/);
    }));

  it('scrolls to the executor of the bar that keys lead to, and paints the visible ones only', () =>
    visitLarge(200, async (page) => {
      const { height = 0 } = (await canvas(page).boundingBox()) ?? {};
      expect(height).to.be.below(700);
      await page.getByRole('application').focus();
      await press(page, 'ArrowRight', ...Array.from({ length: 199 }, () => 'ArrowDown'));
      await eventually('the last executor is chosen', async () =>
        /machine-20, executor 9$/.test(await focused(page).innerText()),
      );
      const scrolled = () => page.evaluate('document.querySelector(".timeline").scrollTop');
      expect(Number(await scrolled())).to.be.greaterThan(300);
      const { y = 0 } = (await tip(page).boundingBox()) ?? {};
      expect(y).to.be.within(0, 900);
    }));

  it('violates no rule of axe while a bar is focused, in light and dark', () =>
    visitTimeline(async (page) => {
      await page.getByRole('application').focus();
      await press(page, 'ArrowRight', 'ArrowRight');
      await settled(page);
      expect((await axeFindings(page)).join('\n'), 'light').to.equal('');
      await page.emulateMedia({ colorScheme: 'dark' });
      expect((await axeFindings(page, ['color-contrast'])).join('\n'), 'dark').to.equal('');
    }));
});
