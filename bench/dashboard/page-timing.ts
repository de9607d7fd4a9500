import type { Page } from 'playwright-core';
import { quantile, round } from '../support/statistics.js';

/*
 * Measurements within a page. They go in through the debugger, so the page's security policy stays as it is.
 */

/** Milliseconds from the beginning of the navigation to the first paint with content, as the browser reports it. */
export function firstPaint(page: Page): Promise<number> {
  return numberFrom(
    page,
    `new Promise((resolve) => {
      new PerformanceObserver((list) => {
        const paint = list.getEntriesByName('first-contentful-paint')[0];
        if (paint !== undefined) {
          resolve(paint.startTime);
        }
      }).observe({ type: 'paint', buffered: true });
    })`,
  );
}

/** To be called before the navigation: notes the frame in which an element first matches. */
export async function noteWhenShown(page: Page, selector: string): Promise<void> {
  await page.addInitScript(`{
    const look = () => {
      if (document.querySelector(${JSON.stringify(selector)}) === null) {
        requestAnimationFrame(look);
      } else {
        window.benchShown = performance.now();
      }
    };
    requestAnimationFrame(look);
  }`);
}

/** Milliseconds from the beginning of the navigation to that frame. */
export async function whenShown(page: Page, selector: string): Promise<number> {
  await page.locator(selector).first().waitFor();
  return numberFrom(
    page,
    'new Promise((resolve) => requestAnimationFrame(() => resolve(window.benchShown)))',
  );
}

export interface FrameTimes {
  readonly p95: number;
  readonly most: number;
}

/** Milliseconds between frames while \`act\`, JavaScript that is called once a frame with its number, is at work. */
export async function frameTimes(page: Page, frames: number, act: string): Promise<FrameTimes> {
  const gaps: unknown = await page.evaluate(`new Promise((resolve) => {
    const act = ${act};
    const gaps = [];
    let last = null;
    const frame = (now) => {
      if (last !== null) {
        gaps.push(now - last);
      }
      last = now;
      if (gaps.length === ${frames}) {
        resolve(gaps);
        return;
      }
      act(gaps.length);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  })`);
  const numbers = Array.isArray(gaps) ? gaps.map(Number) : [];
  return { p95: round(quantile(numbers, 0.95), 1), most: round(Math.max(...numbers), 1) };
}

/** The memory of the page's JavaScript after its garbage was collected, in megabytes. */
export async function heapMegabytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  await session.detach();
  return round(usedSize / 1e6, 1);
}

async function numberFrom(page: Page, script: string): Promise<number> {
  const value: unknown = await page.evaluate(script);
  return Number(value);
}
