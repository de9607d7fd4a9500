import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readTail } from '../../../lib/fs/read/read-tail.js';
import { outputPattern } from '../../../lib/text/output-pattern.js';
import type { Atom } from '../../../protocol/build/work.js';
import { atomFolder } from '../../../protocol/ids.js';
import { CONSOLE_FILE, EXIT_CODE_FILE } from '../../../protocol/results/archive-names.js';
import { consoleEnd } from './console-end.js';

/** The consoles of so many atoms are compared. */
const MAX_COMPARED = 1000;
/** More than an exit code needs. */
const MAX_CODE_BYTES = 100;

type Failed = Pick<Atom, 'id' | 'subjob_id' | 'error'>;

/**
 * The failed atoms in groups with the same exit code and outputs that end alike, in the order of their first atoms. `directory`
 * has the results.
 */
export function failedAlike<A extends Failed>(
  failed: readonly A[],
  directory: string,
  nameOf: (atom: A) => string,
): readonly (readonly [A, ...A[]])[] {
  const groups: [A, ...A[]][] = [];
  const byPattern = new Map<string, [A, ...A[]]>();
  for (const [place, atom] of failed.entries()) {
    const isCompared = place < MAX_COMPARED && atom.error === null;
    const pattern = isCompared ? patternOf(atom, directory, nameOf(atom)) : '';
    const group = byPattern.get(pattern);
    if (group !== undefined) {
      group.push(atom);
      continue;
    }
    const begun: [A] = [atom];
    groups.push(begun);
    if (pattern !== '') {
      byPattern.set(pattern, begun);
    }
  }
  return groups;
}

/** Empty for an atom that printed nothing, or whose results are not here. */
function patternOf({ subjob_id: subjob, id }: Failed, directory: string, name: string): string {
  const folder = join(directory, atomFolder(subjob, id));
  const pattern = outputPattern(consoleEnd(join(folder, CONSOLE_FILE), false)?.lines ?? [], name);
  return pattern === '' ? '' : `${exitCodeIn(join(folder, EXIT_CODE_FILE))}\n${pattern}`;
}

/** null when there is no such file. */
export function exitCodeIn(file: string): number | null {
  return existsSync(file) ? Number(readTail(file, MAX_CODE_BYTES).text) : null;
}
