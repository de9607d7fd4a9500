import { cleanLine } from '../../lib/text/strip-control-chars.js';
import type { Revision } from '../../protocol/build/revision.js';

/** Digits of a commit that are shown to people. */
export const SHORT_COMMIT = 12;

/** `1a2b3c4d5e6f`, with a plus for uncommitted changes. */
export function shortCommit({ commit, has_changes: hasChanges }: Revision): string {
  return `${commit.slice(0, SHORT_COMMIT)}${hasChanges === true ? '+' : ''}`;
}

/** `1a2b3c4d5e6f on main, with changes that are not committed (Empty the cart)`. */
export function describeRevision({ commit, branch, subject, has_changes: hasChanges }: Revision): string {
  return [
    commit.slice(0, SHORT_COMMIT),
    branch === null ? '' : ` on ${cleanLine(branch)}`,
    hasChanges === true ? ', with changes that are not committed' : '',
    subject === null ? '' : ` (${cleanLine(subject)})`,
  ].join('');
}
