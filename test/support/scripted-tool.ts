import { fileURLToPath } from 'node:url';
import { quoteForShell } from '../../src/lib/text/shell-quote.js';

const file = fileURLToPath(new URL('../../../test/fixtures/batches/scripted-tool.mjs', import.meta.url));

/** Shell text that runs it on the atoms of $ATOMS_FILE. */
export const scriptedTool = `exec ${quoteForShell(process.execPath)} ${quoteForShell(file)}`;

/** The exit codes of atoms with these behaviors, run by themselves. Their batch must give them the same verdicts. */
export const exitCodesAlone = {
  pass: 0,
  fail: 1,
  skip: 0,
  unnamed: 0,
  broken: 1,
  twice: 1,
  elsewhere: 1,
  cut: 0,
  entities: 0,
  old: 0,
  die: 137,
} as const;
