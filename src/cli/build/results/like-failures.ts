import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readTail } from '../../../lib/fs/read/read-tail.js';
import { outputPattern } from '../../../lib/text/output-pattern.js';
import { CONSOLE_FILE, EXIT_CODE_FILE } from '../../../protocol/results/archive-names.js';
import { consoleEnd } from './console-end.js';

/** More than an exit code needs. */
const MAX_CODE_BYTES = 100;

/**
 * The same text for failed atoms with the same exit code whose outputs end alike. `folder` has the results of the atom, `name`
 * is its value. Empty for an atom that printed nothing, or whose results are not here.
 */
export function failurePattern(folder: string, name: string): string {
  const pattern = outputPattern(consoleEnd(join(folder, CONSOLE_FILE), false)?.lines ?? [], name);
  return pattern === '' ? '' : `${exitCodeIn(join(folder, EXIT_CODE_FILE))}\n${pattern}`;
}

/** null when there is no such file. */
export function exitCodeIn(file: string): number | null {
  return existsSync(file) ? Number(readTail(file, MAX_CODE_BYTES).text) : null;
}
