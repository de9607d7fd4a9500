import { readFileSync } from 'node:fs';
import { nullOn } from './error-code.js';

/** How many files and connections this process may have open; null where the system does not tell. */
export function openFileLimit(): number | null {
  return nullOn(['ENOENT', 'EACCES'], () => parseOpenFileLimit(readFileSync('/proc/self/limits', 'utf8')));
}

/** The soft limit in the text of /proc/self/limits (proc(5)), which Node raises to the hard one; null for none. */
export function parseOpenFileLimit(text: string): number | null {
  const [, soft] = /^Max open files +(\d+) /m.exec(text) ?? [];
  return soft === undefined ? null : Number(soft);
}
