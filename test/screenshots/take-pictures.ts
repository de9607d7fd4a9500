import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestBrowser } from '../support/browser.js';
import { settled } from '../support/page-checks.js';
import { makeShopHistory } from '../support/simulation/shop-history.js';
import type { Picture } from './pictures.js';

/** The time of the simulated cluster and of the browser, so that each run makes the same pictures. */
const NOW = Date.UTC(2026, 2, 12, 14, 5);
const VIEWPORT = { width: 1120, height: 660 };
/** A picture in a repository stays in it forever. */
export const MOST_BYTES = 200_000;

export interface PictureOptions {
  readonly browser: Pick<TestBrowser, 'visit'>;
  /** Receives a PNG file for each picture. */
  readonly folder: string;
  readonly pictures: readonly Picture[];
  /** Days of the cluster's history. */
  readonly days: number;
  /** The master's port, which commands in the pictures name; any free one unless given. */
  readonly port?: number;
}

/** @throws Error when a page has a problem, or when a picture is too large */
export async function takePictures({
  browser,
  folder,
  pictures,
  days,
  port = 0,
}: PictureOptions): Promise<void> {
  const baseDirectory = mkdtempSync(join(tmpdir(), 'pictures-'));
  const secret = 'a secret of the pictures';
  const { cluster, builds } = await makeShopHistory({ baseDirectory, secret, now: NOW, days, port });
  try {
    mkdirSync(folder, { recursive: true });
    for (const { name, path, colorScheme } of pictures) {
      const file = join(folder, `${name}.png`);
      await browser.visit(
        cluster.url + path(builds),
        async (page) => {
          await settled(page);
          await page.screenshot({ path: file, animations: 'disabled' });
        },
        {
          viewport: VIEWPORT,
          colorScheme,
          timezoneId: 'UTC',
          locale: 'en-US',
          prepare: (page) => page.clock.setFixedTime(NOW),
        },
      );
      const { size } = statSync(file);
      if (size > MOST_BYTES) {
        throw new Error(`${file} has ${size} bytes, more than ${MOST_BYTES}; show less in it.`);
      }
    }
  } finally {
    await cluster.close();
    rmSync(baseDirectory, { recursive: true });
  }
}
