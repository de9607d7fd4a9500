import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { PATIENCE_MS } from './wait.js';

/** Where the packages of Debian, of Google and of macOS put it. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const APPLICATIONS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];
const SHOWN_CHARS = 4000;

/** In addition to those of Playwright, which turn off updates, synchronization and other traffic of the browser itself. */
const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  // Pages can reach the machine's own address only.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];

/** The file of Chromium or Chrome; null when there is none. */
export function findChromium(path = process.env.PATH ?? ''): string | null {
  const candidates = path.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...candidates, ...APPLICATIONS].find((file) => existsSync(file)) ?? null;
}

export interface VisitOptions extends BrowserContextOptions {
  /** Matches problems that the test provokes: the browser reports each refused request as an error of the page. */
  readonly expected?: RegExp;
  /** Called before the page is opened. */
  readonly prepare?: (page: Page) => Promise<void>;
}

/** A browser with a profile of its own in a temporary folder. */
export class TestBrowser {
  readonly #folder: string;
  readonly #browser: Browser;

  private constructor(folder: string, browser: Browser) {
    this.#folder = folder;
    this.#browser = browser;
  }

  /** @throws Error when it does not start */
  static async launch(executablePath: string): Promise<TestBrowser> {
    // A short name, since the browser makes a socket in it, whose path has at most 107 characters.
    const folder = mkdtempSync(join(tmpdir(), 'web-'));
    try {
      const browser = await chromium.launch({
        executablePath,
        args: FLAGS,
        // The sandbox refuses to start as root.
        chromiumSandbox: process.getuid?.() !== 0,
        env: { PATH: process.env.PATH ?? '', HOME: folder, TMPDIR: folder, XDG_RUNTIME_DIR: folder },
        timeout: PATIENCE_MS,
      });
      return new TestBrowser(folder, browser);
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  /**
   * Opens `url` in a page without cookies and storage, and runs `test` with it.
   * @throws Error of `test`, with the text of the page; or one that names each error in the page's console, uncaught
   * exception, violation of its security policy, and request to another origin
   */
  async visit(url: string, test: (page: Page) => Promise<void>, options: VisitOptions = {}): Promise<void> {
    const { expected, prepare, ...contextOptions } = options;
    const context = await this.#browser.newContext(contextOptions);
    try {
      context.setDefaultTimeout(PATIENCE_MS);
      const problems = noteProblems(context, new URL(url).origin);
      const page = await context.newPage();
      try {
        await prepare?.(page);
        await page.goto(url);
        await test(page);
      } catch (error) {
        throw new Error(`${describe(error)}\n${await describePage(page)}\n${problems.join('\n')}`, {
          cause: error,
        });
      }
      const unexpected = problems.filter((problem) => expected?.test(problem) !== true);
      if (unexpected.length > 0) {
        throw new Error(`The page had problems:\n${unexpected.join('\n')}`);
      }
    } finally {
      await context.close();
    }
  }

  /** Ends all its processes. */
  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The list grows while the context is used. */
function noteProblems(context: BrowserContext, origin: string): readonly string[] {
  const problems: string[] = [];
  context.on('console', (message) => {
    // The browser reports violations of the security policy as errors.
    if (message.type() === 'error') {
      problems.push(`console: ${message.text()} (${message.location().url})`);
    }
  });
  context.on('weberror', (error) => problems.push(`uncaught: ${describe(error.error())}`));
  context.on('request', (request) => {
    const { origin: target, protocol } = new URL(request.url());
    if (target !== origin && protocol !== 'data:' && protocol !== 'blob:') {
      problems.push(`request to another origin: ${request.url()}`);
    }
  });
  return problems;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function describePage(page: Page): Promise<string> {
  const text = await page.locator('body').innerText({ timeout: 1000 }).catch(describe);
  return `The page is ${page.url()}: ${text.slice(0, SHOWN_CHARS)}`;
}

/**
 * Declares hooks that start a browser before the tests of a suite and close it after them. Without a Chromium they skip
 * the suite, unless BROWSER_TESTS is `required`.
 */
export function browserOfSuite(): { readonly visit: TestBrowser['visit'] } {
  let browser: TestBrowser | null = null;
  before(async function () {
    const file = findChromium();
    if (file !== null) {
      browser = await TestBrowser.launch(file);
      return;
    }
    if (process.env.BROWSER_TESTS === 'required') {
      throw new Error(
        `There is no Chromium for the tests of the dashboard; install one of ${NAMES.join(', ')}.`,
      );
    }
    process.stderr.write('The tests of the dashboard are skipped: no Chromium is installed.\n');
    this.skip();
  });
  after(() => browser?.close());
  return {
    visit: (...args) => {
      if (browser === null) {
        throw new Error('The browser is used before the tests have begun.');
      }
      return browser.visit(...args);
    },
  };
}
