import type { TreeRow } from './file-tree.js';

/** The effect of a key in a tree. */
export type TreeStep =
  | { readonly kind: 'move'; readonly to: number }
  | { readonly kind: 'toggle' }
  | { readonly kind: 'activate' };

const PAGE_LINES = 10;

/**
 * The step of a key at the line `active`, as in https://www.w3.org/WAI/ARIA/apg/patterns/treeview/; null for keys without a
 * meaning.
 */
export function stepInTree(rows: readonly TreeRow[], active: number, key: string): TreeStep | null {
  const row = rows[active];
  if (row === undefined) {
    return null;
  }
  const move = (to: number): TreeStep => ({
    kind: 'move',
    to: Math.max(0, Math.min(rows.length - 1, to)),
  });
  const isFolder = row.node.kind === 'folder';
  switch (key) {
    case 'ArrowDown':
    case 'j':
      return move(active + 1);
    case 'ArrowUp':
    case 'k':
      return move(active - 1);
    case 'PageDown':
      return move(active + PAGE_LINES);
    case 'PageUp':
      return move(active - PAGE_LINES);
    case 'Home':
      return move(0);
    case 'End':
      return move(rows.length - 1);
    case 'ArrowRight':
      return !isFolder ? null : row.isOpen ? move(active + 1) : { kind: 'toggle' };
    case 'ArrowLeft':
      return isFolder && row.isOpen ? { kind: 'toggle' } : move(parentOf(rows, active));
    case 'Enter':
    case ' ':
      return { kind: 'activate' };
    default:
      return null;
  }
}

/** The line of the folder that a line is in; the line itself at the top. */
function parentOf(rows: readonly TreeRow[], active: number): number {
  const level = rows[active]?.level ?? 1;
  for (let index = active - 1; index >= 0; index -= 1) {
    if ((rows[index]?.level ?? 0) < level) {
      return index;
    }
  }
  return active;
}
