import { readdirSync, readFileSync } from 'node:fs';
import { unlessGone } from '../../lib/process-identity.js';
import { type ProcessEntry, processEntry } from './process-table.js';

/**
 * The living descendants of a process, parents first, by the lists of children that Linux keeps; null where it keeps none. Costs
 * a few reads, where the whole table costs some for each process of the machine. A process whose parent ends meanwhile may
 * be missing.
 */
export function descendantsOf(pid: number): ProcessEntry[] | null {
  const found: ProcessEntry[] = [];
  const seen = new Set([pid]);
  for (const parent of seen) {
    const children = childrenOf(parent);
    if (children === null) {
      return null;
    }
    for (const child of children) {
      const entry = seen.has(child) ? null : processEntry(child);
      if (entry !== null) {
        seen.add(child);
        found.push(entry);
      }
    }
  }
  return found;
}

/** Each thread has a list of the children that it has started. Empty for a process that is gone; null without such lists. */
function childrenOf(pid: number): number[] | null {
  const tasks = unlessGone(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  const lists = tasks.map((task) =>
    unlessGone(() => readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1')),
  );
  if (tasks.length > 0 && lists.every((list) => list === null) && processEntry(pid) !== null) {
    return null;
  }
  return lists.flatMap((list) =>
    (list ?? '')
      .split(' ')
      .filter((word) => word !== '')
      .map(Number),
  );
}
