import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import type { BuildId } from '../../../src/protocol/ids.js';
import { browserOfSuite } from '../../support/browser.js';
import { settled, wideElements } from '../../support/page-checks.js';
import type { SimulatedBuild } from '../../support/simulation/simulated-atom.js';
import { SimulatedCluster } from '../../support/simulation/simulated-cluster.js';

const LONG = 'name'.repeat(1250);

/** A build whose names all have this end. */
const buildNamed = (end: string, seconds: number): SimulatedBuild => ({
  request: {
    type: 'git',
    url: 'https://git.example/project.git',
    branch: `branch${end.slice(0, 400)}`,
    job_name: `Unit tests${end}`,
    requested_by: `somebody${end.slice(0, 200)}`,
    config: { commands: ['true'], atomizers: [{ TEST: 'list' }] },
  },
  jobName: `Unit tests${end}`,
  revision: {
    commit: 'a'.repeat(40),
    branch: `branch${end.slice(0, 400)}`,
    subject: `subject${end.slice(0, 400)}`,
    has_changes: false,
  },
  atoms: ['checkout.test.ts', 'cart.test.ts', 'search.test.ts', 'basket.test.ts'].map((name) => ({
    variable: 'TEST',
    value: `${name}${end}`,
  })),
  preparationSeconds: 1,
  setupSeconds: 1,
  runAtom: ({ id }) => ({
    seconds,
    exitCode: id % 2,
    output: `Error: ${id}\n`,
    files: { 'report.txt': 'a file' },
  }),
});

/** `ended` and `running` have the same names. */
const views: Readonly<Record<string, (ended: BuildId, running: BuildId) => string>> = {
  'the builds': () => '/ui/builds',
  'a build': (ended) => `/ui/build/${ended}`,
  'a running build': (_, running) => `/ui/build/${running}`,
  'the atoms of a build': (ended) => `/ui/build/${ended}/atoms`,
  'the timeline of a build': (ended) => `/ui/build/${ended}/timeline`,
  'the artifacts of a build': (ended) => `/ui/build/${ended}/artifacts`,
  'an atom': (ended) => `/ui/build/${ended}/atom/1`,
  'a running atom': (_, running) => `/ui/build/${running}/atom/1`,
  'the jobs': () => '/ui/jobs',
  'the failing tests of a job': (ended) => `/ui/job/${ended}?list=failing`,
  'the slowest tests of a job': (ended) => `/ui/job/${ended}?list=slowest`,
  'the builds of a job': (ended) => `/ui/job/${ended}?list=builds`,
  'the fleet': () => '/ui/fleet',
  'a slave': () => '/ui/fleet?slave=1',
  'the queue': () => '/ui/queue',
};

/** Pixels: the first ten or more letters of a name. */
const READABLE = 80;

describe('names in the dashboard', () => {
  const browser = browserOfSuite();
  let directory: string;
  let cluster: SimulatedCluster;
  const builds: Record<string, readonly [ended: BuildId, running: BuildId]> = {};
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'names-'));
    cluster = await SimulatedCluster.start({
      baseDirectory: directory,
      secret: 'a secret of the tests',
      startsAt: Date.now() - 600_000,
      slaves: [
        { name: `machine-1.example.com${LONG.slice(0, 200)}`, executors: 4 },
        { name: 'machine-2.example.com', executors: 4 },
      ],
    });
    for (const [kind, end] of Object.entries({ ordinary: '', long: LONG })) {
      const ended = await cluster.create(buildNamed(end, 5));
      await cluster.runToEnd(ended);
      builds[kind] = [ended, ended];
    }
    for (const [kind, end] of Object.entries({ ordinary: '', long: LONG })) {
      const [ended] = builds[kind] ?? [];
      const running = await cluster.create(buildNamed(end, 10_000));
      if (ended !== undefined) {
        builds[kind] = [ended, running];
      }
    }
    await cluster.runFor(20);
  });
  after(async () => {
    await cluster?.close();
    rmSync(directory, { recursive: true });
  });

  /** Names in tables that have less room than they need to be read: the element, and its width. */
  const crushed = (page: Page) =>
    page.evaluate(`[...document.querySelectorAll('main td bdi')]
      .filter((name) => name.checkVisibility() && name.textContent.length > 9)
      .map((name) => [name.textContent.slice(0, 40), name.closest('td').clientWidth])
      .filter(([, width]) => width < ${READABLE})`);
  const headHeight = (page: Page) =>
    page.evaluate(`document.querySelector('main header, main h1')?.getBoundingClientRect().height ?? 0`);

  for (const [width, height] of [
    [360, 740],
    [1000, 700],
  ] as const) {
    for (const kind of ['ordinary', 'long']) {
      for (const [name, pathOf] of Object.entries(views)) {
        it(`can be read in ${name}, when they are ${kind} and the window is ${width} pixels wide`, async () => {
          const [ended, running] = builds[kind] ?? [];
          if (ended === undefined || running === undefined) {
            throw new Error(`There are no builds with ${kind} names.`);
          }
          await browser.visit(
            cluster.url + pathOf(ended, running),
            async (page) => {
              await settled(page);
              expect((await wideElements(page)).join('\n'), 'too wide').to.equal('');
              expect(await crushed(page), 'crushed').to.deep.equal([]);
              expect(await headHeight(page), 'the head').to.be.below(height / 2);
              expect((await page.title()).length, 'the title').to.be.below(150);
            },
            { viewport: { width, height } },
          );
        });
      }
    }
  }
});
