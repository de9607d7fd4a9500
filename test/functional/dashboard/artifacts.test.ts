import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { browserOfSuite } from '../../support/browser.js';
import { Cluster } from '../../support/cluster.js';
import { writeFiles } from '../../support/project.js';
import { eventually } from '../../support/wait.js';

/** One pixel. */
const PICTURE =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const REPORT = `<!doctype html><title>A report</title><link rel=stylesheet href=base.css><h1>A report</h1>
<a href=two.html>next</a><script>document.querySelector("h1").textContent = "it ran";
parent.postMessage("it ran", "*"); fetch("/v1/build/1", { method: "PUT" })</script>`;

/** Waits until the expression is true. A policy of the page forbids to do that within it. */
async function becomes(page: Page, expression: string): Promise<void> {
  await eventually(expression, async () => (await page.evaluate(expression)) === true);
}

describe('the artifacts of a build in a browser', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await Cluster.start(1);
    writeFiles(cluster.root, {
      'files/report/index.html': REPORT,
      'files/report/base.css': 'h1 { color: rgb(1, 2, 3) }',
      'files/report/two.html': '<p>The second page',
      'files/hostile/<img src=x onerror=alert(1)>.txt': '<script>alert(1)</script>\u202e\u0007 the end',
      'files/log.txt': 'the first line\n',
      'files/data.bin2': 'x\0y',
      'files/shot.png.base64': PICTURE,
    });
    writeFiles(cluster.cwd, {
      'clusterrunner.yaml': `
Leave:
    atomizers:
        - T: printf 'good\\nbad\\nmany\\n'
    commands:
        - cd "$ARTIFACT_DIR"
        - if [ $T = bad ]; then cp -R "${cluster.root}/files/." . && base64 -d shot.png.base64 > shot.png; fi
        - if [ $T = bad ]; then head -c 2000000 /dev/zero | tr '\\0' 'a' > long.txt; fi
        - if [ $T = many ]; then mkdir d && cd d && seq 3000 | xargs touch; fi
        - '[ $T != bad ]'
`,
    });
    expect((await cluster.build([])).exitCode).to.equal(1);
  });
  const browser = browserOfSuite();
  after(() => cluster.stop());

  const visit = (path: string, test: (page: Page) => Promise<void>, expected?: RegExp) =>
    browser.visit(`${cluster.master.url}${path}`, test, expected === undefined ? {} : { expected });
  const folder = (atom: number) => cluster.folder(atom);
  const line = (page: Page, name: string) => page.getByRole('treeitem').filter({ hasText: name });

  it('begin with the folders of the atoms, from where each file is a few clicks away', () =>
    visit('/ui/build/1/artifacts', async (page) => {
      const folders = page.getByRole('link', { name: /^artifact_/ });
      await folders.nth(2).waitFor();
      expect(await folders.first().innerText()).to.equal(folder(1));
      await page.getByRole('searchbox', { name: 'Atom' }).fill('GOOD');
      await becomes(page, 'document.querySelectorAll("td a[data-row]").length === 1');
      await page.getByRole('link', { name: 'good', exact: true }).click();
      await page.waitForURL('**/ui/build/1/atom/0');
      await page.goBack();
      await page.getByRole('searchbox', { name: 'Atom' }).fill('');
      await page.getByRole('link', { name: folder(1) }).click();
      await line(page, 'log.txt').click();
      expect(await page.locator('pre').innerText()).to.equal('the first line\n');
      expect(new URL(page.url()).search).to.equal(`?folder=${folder(1)}&file=log.txt`);
      await page.goBack();
      await page.getByText('Choose a file to see it here.').waitFor();
      await page.getByRole('link', { name: 'All folders' }).click();
      await page.getByRole('link', { name: folder(0) }).waitFor();
    }));

  it('are one file when the address names it, with the folders above it open', () =>
    visit(`/ui/build/1/artifacts?folder=${folder(1)}&file=report/two.html`, async (page) => {
      await line(page, 'two.html').and(page.locator('[aria-selected=true]')).waitFor();
      await page.frameLocator('iframe').getByText('The second page').waitFor();
    }));

  it('are walked through with the keys of a tree', () =>
    visit(`/ui/build/1/artifacts?folder=${folder(1)}`, async (page) => {
      await page.getByRole('tree').focus();
      await page.keyboard.press('Home');
      await page.keyboard.press('ArrowLeft');
      await page.getByRole('treeitem', { name: 'hostile/', expanded: false }).waitFor();
      await page.keyboard.press('End');
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('Enter');
      await page.getByRole('img', { name: 'shot.png', exact: true }).waitFor();
    }));

  it('show a picture, and text up to a limit that can be raised', () =>
    visit(`/ui/build/1/artifacts?folder=${folder(1)}&file=shot.png`, async (page) => {
      await becomes(page, 'document.querySelector("img")?.complete === true');
      expect(await page.evaluate('document.querySelector("img").naturalWidth')).to.equal(1);
      await line(page, 'long.txt').click();
      await page.getByText('26 % of the file are shown.').waitFor();
      await page.getByRole('button', { name: 'Show more' }).click();
      await becomes(page, 'document.querySelector("pre")?.textContent.length === 2000000');
      await line(page, 'data.bin2').click();
      await page.getByText('This is no text').waitFor();
    }));

  it('keep hostile names and contents as text', () =>
    visit(`/ui/build/1/artifacts?folder=${folder(1)}`, async (page) => {
      await line(page, '<img src=x onerror=alert(1)>.txt').click();
      expect(await page.locator('pre').innerText()).to.contain('<script>alert(1)</script>');
      expect(await page.locator('img').count()).to.equal(0);
      expect(await page.evaluate('getComputedStyle(document.querySelector("pre")).unicodeBidi')).to.equal(
        'isolate',
      );
    }));

  it('show a report with its styles and links, whose scripts do not run', () =>
    visit(
      `/ui/build/1/artifacts?folder=${folder(1)}&file=report/index.html`,
      async (page) => {
        const report = page.frameLocator('iframe');
        expect(await report.getByRole('heading').innerText()).to.equal('A report');
        expect(
          await page.frames().at(-1)?.evaluate('getComputedStyle(document.querySelector("h1")).color'),
        ).to.equal('rgb(1, 2, 3)');
        expect(await page.evaluate('document.querySelector("iframe").contentDocument')).to.equal(null);
        await report.getByRole('link', { name: 'next' }).click();
        await report.getByText('The second page').waitFor();
      },
      /Blocked script execution|sandbox/,
    ));

  it('have an origin of their own when they are opened alone', () =>
    visit(
      `/v1/build/1/show/${folder(1)}/report/index.html`,
      async (page) => {
        expect(await page.getByRole('heading').innerText()).to.equal('A report');
        expect(await page.evaluate('self.origin')).to.equal('null');
      },
      /Blocked script execution|sandbox|favicon/,
    ));

  it('are a list of which only the visible part is in the document', () =>
    visit(`/ui/build/1/artifacts?folder=${folder(2)}`, async (page) => {
      await line(page, 'd/').click();
      await page.getByRole('treeitem', { name: '17 0 B', exact: true }).waitFor();
      expect(await page.getByRole('treeitem').count()).to.be.within(10, 100);
      await page.keyboard.press('End');
      await page.getByRole('treeitem', { name: 'clusterrunner_time' }).waitFor();
    }));

  it('are downloaded one by one, by folder, and all together', () =>
    visit(`/ui/build/1/artifacts?folder=${folder(1)}&file=log.txt`, async (page) => {
      for (const [link, file] of [
        [page.getByRole('link', { name: 'Download' }), 'log.txt'],
        [page.getByRole('link', { name: 'Zip of report', exact: true }), `build-1-${folder(1)}-report.zip`],
        [page.getByRole('link', { name: /^Zip of \d+ files/ }), `build-1-${folder(1)}.zip`],
      ] as const) {
        const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
        expect(download.suggestedFilename()).to.equal(file);
        await download.cancel();
      }
    }));

  it('are said to be missing where there are none', () =>
    visit(
      '/ui/build/1/artifacts?folder=artifact_99_0',
      async (page) => {
        await page.getByText('The results of build 1 have no folder artifact_99_0').waitFor();
      },
      /404/,
    ));
});
