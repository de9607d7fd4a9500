import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** So often, every 50 ms, the text of a page must be the same: longer than a master on this machine takes to respond. */
const SAME = 5;

/** Waits until the page has loaded what it shows. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(`new Promise((resolve) => {
    let last = '';
    let same = 0;
    const timer = setInterval(() => {
      const text = document.querySelector('main')?.innerText ?? '';
      const isLoading = document.querySelector('.loading, [aria-busy="true"]') !== null;
      same = text !== '' && !isLoading && text === last ? same + 1 : 0;
      last = text;
      if (same === ${SAME}) {
        clearInterval(timer);
        resolve();
      }
    }, 50);
  })`);
}

/**
 * Violations of accessibility rules that axe finds: its rules, and the elements. The script goes in through the debugger,
 * so the page's security policy stays as it is. `rules`: all of them unless some are named.
 */
export async function axeFindings(page: Page, rules: readonly string[] = []): Promise<string[]> {
  await page.evaluate(axe);
  const options = { resultTypes: ['violations'], ...(rules.length > 0 ? { runOnly: rules } : {}) };
  const found: unknown = await page.evaluate(`axe.run(document, ${JSON.stringify(options)}).then(
    ({ violations }) => violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => [id, target.join(' '), failureSummary].join(': '))))`);
  return Array.isArray(found) ? found.map(String) : [];
}

/** Elements that reach beyond the right edge of the window, so that the whole page scrolls sideways; empty if it does not. */
export async function wideElements(page: Page): Promise<string[]> {
  const found: unknown = await page.evaluate(`(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) {
      return [];
    }
    return [...document.querySelectorAll('body *')]
      .filter((element) => element.getBoundingClientRect().right > width + 1)
      .map((element) => element.outerHTML.slice(0, 150))
      .slice(0, 5);
  })()`);
  return Array.isArray(found) ? found.map(String) : [];
}
