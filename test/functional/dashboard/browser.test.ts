import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect } from 'chai';
import { browserOfSuite, findChromium, type VisitOptions } from '../../support/browser.js';
import { failureOf } from '../../support/failure-of.js';

const html = (body: string) => `<!doctype html><title>A page</title><link rel="icon" href="data:,">${body}`;
const PAGES: Readonly<Record<string, string>> = {
  '/quiet': html('<p>All is well.'),
  '/console': html('<script>console.error("a message of the page")</script>'),
  '/exception': html('<script>setTimeout(() => { throw new Error("an exception of the page"); })</script>'),
  '/rejection': html('<script>Promise.reject(new Error("a rejection of the page"))</script>'),
  '/policy': html('<script>document.title = "The script ran"</script>'),
  '/elsewhere': html('<img src="http://192.0.2.1/picture.png" alt="A picture">'),
  '/missing': html('<script src="/no-such-file.js"></script>'),
};

describe('a browser of the tests', () => {
  let server: Server;
  let url: string;
  before(async () => {
    server = createServer(({ url: path = '' }, response) => {
      const page = PAGES[path];
      response.writeHead(page === undefined ? 404 : 200, {
        'content-type': 'text/html',
        ...(path === '/policy' ? { 'content-security-policy': "script-src 'self'" } : {}),
      });
      response.end(page);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  });
  const browser = browserOfSuite();
  after(() => server.close());

  /** Leaves the page when it has loaded everything and has run its timers. */
  const visit = (path: string, options?: VisitOptions) =>
    browser.visit(
      url + path,
      async (page) => {
        await page.evaluate('new Promise((resolve) => setTimeout(resolve))');
      },
      options,
    );

  it('accepts a page without problems', () => visit('/quiet'));

  const faults = {
    '/console': 'a message of the page',
    '/exception': 'an exception of the page',
    '/rejection': 'a rejection of the page',
    '/policy': 'Content Security Policy',
    '/elsewhere': 'request to another origin: http://192.0.2.1/picture.png',
    '/missing': '404 (Not Found) (http://127.0.0.1',
  };
  for (const [path, fault] of Object.entries(faults)) {
    it(`fails the test of ${path} with: ${fault}`, async () => {
      const failure = await failureOf(visit(path));
      expect(String(failure)).to.contain('The page had problems:').and.to.contain(fault);
    });
  }

  it('accepts the problems that a test expects', () => visit('/missing', { expected: /404 \(Not Found\)/ }));

  it('shows the text of the page when a test fails', async () => {
    const failed = browser.visit(`${url}/quiet`, async () => {
      throw new Error('as it must');
    });
    expect(String(await failureOf(failed))).to.match(/as it must[\s\S]*All is well\./);
  });

  it('keeps no cookie from one visit to the next', async () => {
    await browser.visit(`${url}/quiet`, async (page) => {
      await page.context().addCookies([{ name: 'kept', value: '1', url }]);
    });
    await browser.visit(`${url}/quiet`, async (page) => {
      expect(await page.context().cookies()).to.deep.equal([]);
    });
  });
});

describe('findChromium', () => {
  it('takes the first browser on the path, whatever its name', () => {
    const folder = mkdtempSync(join(tmpdir(), 'browser-test-'));
    try {
      writeFileSync(join(folder, 'google-chrome'), '');
      const path = ['/nonexistent', folder, process.env.PATH].join(delimiter);
      expect(findChromium(path)).to.equal(join(folder, 'google-chrome'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
