import { join } from 'node:path';
import { defaultSettings } from '../../src/config/load.js';
import { findChromium, TestBrowser } from '../support/browser.js';
import { repositoryRoot } from '../support/cluster.js';
import { pictures } from './pictures.js';
import { takePictures } from './take-pictures.js';

/*
 * Makes the pictures of the documentation from a real master with a simulated history. Its port must be free:
 *
 *   npm run screenshots [-- NAME ...]
 */

const DAYS = 5;

const names = process.argv.slice(2);
const unknown = names.find((name) => pictures.every((picture) => picture.name !== name));
if (unknown !== undefined) {
  throw new Error(
    `There is no picture "${unknown}"; there are ${pictures.map(({ name }) => name).join(', ')}.`,
  );
}
const chromium = findChromium();
if (chromium === null) {
  throw new Error('Chromium is not installed; install the package chromium, then run this again.');
}
const browser = await TestBrowser.launch(chromium);
try {
  await takePictures({
    browser,
    folder: join(repositoryRoot, 'docs', 'images'),
    pictures: names.length === 0 ? pictures : pictures.filter(({ name }) => names.includes(name)),
    days: DAYS,
    port: defaultSettings('master').port,
  });
} finally {
  await browser.close();
}
