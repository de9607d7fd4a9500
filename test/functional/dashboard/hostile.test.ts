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

/** Each would change `document.title` if it became an element; `n` tells where it was. */
const html = (n: string) =>
  `${n}<img src=x onerror="document.title='hacked'"><script>document.title='hacked'</script>`;
/** Shows what follows from right to left. */
const RIGHT_TO_LEFT = '\u202e';
const LONG = 'long'.repeat(100);

const OUTPUT = [
  html('console'),
  '\x1b]0;hacked\x07after a title',
  '\x1b]8;;http://192.0.2.1/\x07a link\x1b]8;;\x07',
  '\x1b[2J\x1b[H\x1b[31mred\x1b[0m \x1b[38;5;999999999999mno color',
  `evil ${RIGHT_TO_LEFT}txt.exe`,
  '\x00\x01\x7f\x9b31m controls',
  LONG.repeat(20),
  html('last line'),
].join('\n');

const build: SimulatedBuild = {
  request: {
    type: 'git',
    url: 'https://git.example/project.git',
    branch: html('branch'),
    job_name: html('job'),
    requested_by: html('requester'),
    config: { commands: ['true'], atomizers: [{ NAME: 'list' }] },
  },
  jobName: html('job'),
  revision: {
    commit: 'a'.repeat(40),
    branch: `${html('branch')}${RIGHT_TO_LEFT}`,
    subject: `${html('subject')}${RIGHT_TO_LEFT}`,
    has_changes: false,
  },
  atoms: [html('atom'), `atom ${RIGHT_TO_LEFT}txt.exe`, `${LONG}${LONG}`, '\x1b[31m\x07atom'].map(
    (value) => ({
      variable: 'NAME',
      value,
    }),
  ),
  preparationSeconds: 1,
  setupSeconds: 1,
  runAtom: ({ id }) => ({
    seconds: 5,
    exitCode: 1,
    output: `${OUTPUT}\n`,
    files: {
      [`${html('file').replaceAll('/', '_').slice(0, 90)}.html`]: html('content'),
      'page.svg': `<svg xmlns="http://www.w3.org/2000/svg"><script>document.title='hacked'</script></svg>`,
      [`evil${RIGHT_TO_LEFT}txt.${id}`]: html('text'),
    },
  }),
};

describe('hostile names and output', () => {
  const browser = browserOfSuite();
  let directory: string;
  let cluster: SimulatedCluster;
  let id: BuildId;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'hostile-'));
    cluster = await SimulatedCluster.start({
      baseDirectory: directory,
      secret: 'a secret of the tests',
      startsAt: Date.now() - 60_000,
      slaves: [{ name: `${html('slave')}${RIGHT_TO_LEFT}`, executors: 2 }],
    });
    id = await cluster.create(build);
    await cluster.runToEnd(id);
  });
  after(async () => {
    await cluster?.close();
    rmSync(directory, { recursive: true });
  });

  /** Elements that only a hostile text can have made, and texts that change the direction of what follows them. */
  const damage = (page: Page) =>
    page.evaluate(`(() => {
      const elements = [...document.querySelectorAll('img[src="x"], script:not([src]), main a[href^="http://192"]')];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      const turned = [];
      for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
        if (node.data.includes('${RIGHT_TO_LEFT}')) {
          const { unicodeBidi, display } = getComputedStyle(node.parentElement);
          if (!unicodeBidi.startsWith('isolate') && unicodeBidi !== 'plaintext' && display !== 'block') {
            turned.push(node.parentElement);
          }
        }
      }
      return [...elements, ...turned].map((element) => element.outerHTML.slice(0, 200));
    })()`);

  const views: Readonly<Record<string, { path: () => string; shows: readonly string[] }>> = {
    'in the list of builds': { path: () => '/ui/builds', shows: ['job<img', 'branch<img'] },
    'in the queue': { path: () => '/ui/queue', shows: [] },
    'in the fleet': { path: () => '/ui/fleet', shows: ['slave<img'] },
    'in the list of jobs': { path: () => '/ui/jobs', shows: ['job<img'] },
    'in a job': { path: () => '/ui/job/1', shows: ['job<img', 'atom<img'] },
    'in a build': { path: () => `/ui/build/${id}`, shows: ['job<img', 'last line<img'] },
    'in the atoms of a build': { path: () => `/ui/build/${id}/atoms`, shows: ['atom<img'] },
    'in a timeline': { path: () => `/ui/build/${id}/timeline`, shows: ['slave<img'] },
    'in the artifacts': { path: () => `/ui/build/${id}/artifacts`, shows: ['atom<img'] },
    'in a console': { path: () => `/ui/build/${id}/atom/0`, shows: ['console<img', 'after a title'] },
  };
  for (const [name, { path, shows }] of Object.entries(views)) {
    it(`stay text ${name}`, async () => {
      await browser.visit(cluster.url + path(), async (page) => {
        page.on('dialog', (dialog) => expect.fail(dialog.message()));
        await settled(page);
        const text = await page.locator('main').innerText();
        for (const shown of shows) {
          expect(text).to.contain(shown);
        }
        expect(await damage(page)).to.deep.equal([]);
        expect(await page.title()).not.to.equal('hacked');
        expect((await wideElements(page)).join('\n')).to.equal('');
      });
    });
  }
});
