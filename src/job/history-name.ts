import { createHash } from 'node:crypto';
import { textStart } from '../lib/text/text-ends.js';

/** Longer names are cut, so that a row stays small whatever a project has. */
export const MAX_HISTORY_NAME = 1000;
const DIGITS = 16;

/** Shortens the name of something that has a history. A name that is too long ends with a digest of the whole. */
export function boundedName(name: string): string {
  if (name.length <= MAX_HISTORY_NAME) {
    return name;
  }
  const digest = createHash('sha256').update(name).digest('hex').slice(0, DIGITS);
  return `${textStart(name, MAX_HISTORY_NAME - DIGITS - 1)}…${digest}`;
}

/** The name under which the runs of an atom are kept: `VARIABLE=value`, shortened if it must be. */
export function historyName(variable: string, value: string): string {
  return boundedName(`${variable}=${value}`);
}
