import { fileURLToPath } from 'node:url';
import { quoteForShell } from '../../src/lib/text/shell-quote.js';

/** A step of test/fixtures/workers/scripted-worker.mjs. */
export type Step = readonly [string, (string | number)?];

const file = fileURLToPath(new URL('../../../test/fixtures/workers/scripted-worker.mjs', import.meta.url));

/** Shell text that starts it. */
export const scriptedWorker = `exec ${quoteForShell(process.execPath)} ${quoteForShell(file)}`;

/** An atom as a worker that keeps to the protocol runs it: `text` is shell text. */
export function atom(text: string): string {
  return steps(['start', text], ['begin'], ['wait'], ['end']);
}

export function steps(...all: readonly Step[]): string {
  return JSON.stringify(all);
}
