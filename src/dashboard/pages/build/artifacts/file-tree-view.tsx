import { useMemo, useState } from 'preact/hooks';
import type { BuildId } from '../../../../protocol/ids.js';
import { linkTo } from '../../../api/api-calls.js';
import { indexesFrom, type ScrollGoal } from '../../../parts/table/scroll-place.js';
import { useVirtualList } from '../../../parts/table/use-virtual-list.js';
import { bytesText } from '../../../parts/text/bytes-text.js';
import {
  type FolderNode,
  foldersAbove,
  openAtFirst,
  rowsOf,
  type TreeNode,
  type TreeRow,
} from './file-tree.js';
import { stepInTree } from './tree-steps.js';

interface FileTreeProps {
  readonly buildId: BuildId;
  readonly folder: string;
  readonly root: FolderNode;
  /** The path of the file that is shown. */
  readonly selected: string | null;
  readonly select: (path: string) => void;
}

/** Pixels, as in `artifacts.css`. */
const ROW_HEIGHT = 26;
/** A folder with fewer lines is open at first with all that is in it. */
const MOST_OPEN = 200;

/** The files of a folder, as a tree of which only the visible lines are in the document. */
export function FileTreeView({ buildId, folder, root, selected, select }: FileTreeProps) {
  const [open, setOpen] = useState<ReadonlySet<string>>(
    () => new Set([...openAtFirst(root, MOST_OPEN), ...foldersAbove(selected ?? '')]),
  );
  const rows = useMemo(() => rowsOf(root, open), [root, open]);
  const [active, setActive] = useState(() =>
    Math.max(
      0,
      rows.findIndex(({ node }) => node.path === selected),
    ),
  );
  const [goal, setGoal] = useState<ScrollGoal>({ row: active, align: 'near' });
  const { box, first, last, start, height } = useVirtualList<HTMLDivElement>({
    count: rows.length,
    rowHeight: ROW_HEIGHT,
    goal,
  });

  const toggle = (path: string) => {
    const next = new Set(open);
    if (!next.delete(path)) {
      next.add(path);
    }
    setOpen(next);
  };
  const activate = ({ node }: TreeRow) => {
    if (node.kind === 'folder') {
      toggle(node.path);
    } else {
      select(node.path);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const row = rows[active];
    const step = row === undefined ? null : stepInTree(rows, active, event.key);
    if (row === undefined || step === null || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    event.preventDefault();
    switch (step.kind) {
      case 'move':
        setActive(step.to);
        setGoal({ row: step.to, align: 'near' });
        return;
      case 'toggle':
        toggle(row.node.path);
        return;
      case 'activate':
        activate(row);
    }
  };
  const onClick = ({ target }: MouseEvent) => {
    const line =
      target instanceof Element && target.closest('a') === null ? target.closest('[data-index]') : null;
    const index = Number(line?.getAttribute('data-index') ?? Number.NaN);
    const row = rows[index];
    if (row !== undefined) {
      // The line leaves the document when it is scrolled out of sight.
      box.current?.focus({ preventScroll: true });
      setActive(index);
      activate(row);
    }
  };
  return (
    <div
      class="tree"
      role="tree"
      aria-label={`Files of ${folder}`}
      aria-activedescendant={`tree-line-${active}`}
      tabIndex={0}
      ref={box}
      onKeyDown={onKeyDown}
      onClick={onClick}
    >
      <div class="tree-lines" role="none" style={{ height: `${height}px` }}>
        {indexesFrom(first, last).map((index) => {
          const row = rows[index];
          return row === undefined ? null : (
            <TreeLine
              key={row.node.path}
              row={row}
              index={index}
              top={start + (index - first) * ROW_HEIGHT}
              isActive={index === active}
              isSelected={row.node.path === selected}
              zip={
                row.node.kind === 'folder'
                  ? linkTo('/v1/build/:buildId/artifacts.zip', {
                      params: { buildId },
                      query: { folder, path: row.node.path },
                    })
                  : null
              }
            />
          );
        })}
      </div>
    </div>
  );
}

interface TreeLineProps {
  readonly row: TreeRow;
  readonly index: number;
  readonly top: number;
  readonly isActive: boolean;
  readonly isSelected: boolean;
  /** The link to a zip of it; null for a file. */
  readonly zip: string | null;
}

/** Deeper lines are not moved further to the right. */
const MOST_INDENT = 12;

function TreeLine({ row, index, top, isActive, isSelected, zip }: TreeLineProps) {
  const { node, level, position, siblings, isOpen } = row;
  return (
    <div
      class={isActive ? 'tree-line active' : 'tree-line'}
      role="treeitem"
      id={`tree-line-${index}`}
      data-index={index}
      aria-level={level}
      aria-posinset={position}
      aria-setsize={siblings}
      aria-expanded={node.kind === 'folder' ? isOpen : undefined}
      aria-selected={isSelected}
      style={{ top: `${top}px`, '--indent': String(Math.min(level - 1, MOST_INDENT)) }}
      title={node.path}
      tabIndex={-1}
    >
      <span class="tree-sign" aria-hidden="true">
        {node.kind === 'folder' ? (isOpen ? '▾' : '▸') : ''}
      </span>
      <bdi class="tree-name">{nameOf(node)}</bdi>
      <span class="tree-size">
        {node.kind === 'file' && node.link !== null ? 'link' : bytesText(node.bytes)}
      </span>
      {zip !== null && (
        <a href={zip} class="tree-zip" tabIndex={-1} download aria-label={`Zip of ${node.path}`}>
          zip
        </a>
      )}
    </div>
  );
}

function nameOf(node: TreeNode): string {
  if (node.kind === 'folder') {
    return `${node.name}/`;
  }
  return node.link === null ? node.name : `${node.name} → ${node.link}`;
}
