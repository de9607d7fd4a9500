import { createHash } from 'node:crypto';
import { outputPattern } from '../../lib/text/output-pattern.js';
import type { SpecialGroup } from '../../protocol/build/failure-group.js';
import type { AtomId } from '../../protocol/ids.js';
import type { LeasedAtom } from '../store/atoms.js';
import type { GroupedFailure, UnknownFailure } from '../store/stored-failures.js';

const KEY_CHARS = 16;

/**
 * The group of a failed atom, by the last lines of its output. `value` is that of the atom's variable, which often is in its
 * output.
 */
export function failureOf(
  lastLines: string,
  value: string,
): { readonly key: string; readonly lines: string | null } {
  const pattern = outputPattern(lastLines.split('\n'), value);
  if (pattern === '') {
    return { key: 'silent' satisfies SpecialGroup, lines: null };
  }
  const key = createHash('sha256').update(pattern).digest('hex').slice(0, KEY_CHARS);
  // A text of the store cannot have it.
  return { key, lines: lastLines.replaceAll('\0', '\ufffd') };
}

/** The groups of failed atoms of a report. `leased`: the atoms of the subjob. */
export function failuresOf(
  failed: readonly { readonly id: AtomId; readonly last_lines?: string }[],
  leased: readonly LeasedAtom[],
): (GroupedFailure | UnknownFailure)[] {
  const values = new Map(failed.length === 0 ? [] : leased.map(({ id, value }) => [id, value]));
  return failed.map(({ id, last_lines }) =>
    last_lines === undefined ? { id, key: null } : { id, ...failureOf(last_lines, values.get(id) ?? '') },
  );
}
