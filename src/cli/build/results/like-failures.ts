import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readTail } from '../../../lib/fs/read/read-tail.js';
import { endOfOutput } from '../../../lib/text/end-of-output.js';
import { outputPattern } from '../../../lib/text/output-pattern.js';
import { CONSOLE_FILE } from '../../../protocol/results/archive-names.js';
import { MAX_LAST_LINES, MAX_LAST_LINES_BYTES } from '../../../protocol/slave/optional-reports.js';

/** More than an exit code needs. */
const MAX_CODE_BYTES = 100;

/** Atoms by the key of their group. */
export type Groups<Atom> = ReadonlyMap<string, readonly [Atom, ...Atom[]]>;

/**
 * The same text for failed atoms whose outputs end alike, by the rule of the master. `folder` has the results of the atom,
 * `value` is that of its variable. Empty for an atom that printed nothing, or whose results are not here.
 */
export function failurePattern(folder: string, value: string): string {
  const file = join(folder, CONSOLE_FILE);
  if (!existsSync(file)) {
    return '';
  }
  const { text, isWhole } = readTail(file, MAX_LAST_LINES_BYTES + 1);
  const end = endOfOutput(Buffer.from(text), !isWhole, MAX_LAST_LINES, MAX_LAST_LINES_BYTES);
  return outputPattern(end.split('\n'), value);
}

/** The groups in the order of the master: largest first, then in the order of their first atoms. */
export function largestFirst<Atom>(groups: Groups<Atom>): (readonly [string, readonly [Atom, ...Atom[]]])[] {
  return [...groups].sort(([, one], [, other]) => other.length - one.length);
}

/** Adds an atom to the group with this key. */
export function addToGroup<Atom>(groups: Map<string, [Atom, ...Atom[]]>, key: string, atom: Atom): void {
  const group = groups.get(key);
  if (group === undefined) {
    groups.set(key, [atom]);
  } else {
    group.push(atom);
  }
}

/** null when there is no such file. */
export function exitCodeIn(file: string): number | null {
  return existsSync(file) ? Number(readTail(file, MAX_CODE_BYTES).text) : null;
}
