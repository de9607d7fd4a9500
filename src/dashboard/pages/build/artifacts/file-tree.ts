import type { ArtifactEntry } from '../../../../protocol/results/artifact.js';

/* The tree of the files in a folder. Nothing here needs a browser. */

export interface FileNode {
  readonly kind: 'file';
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** Where a symbolic link leads; null for a file. */
  readonly link: string | null;
}

export interface FolderNode {
  readonly kind: 'folder';
  readonly name: string;
  /** Empty for the root. */
  readonly path: string;
  /** The sum of all files in it. */
  readonly bytes: number;
  readonly numFiles: number;
  /** Folders first, then files, each by name. Sorted at the first use, since most folders are never open. */
  readonly children: readonly TreeNode[];
}

export type TreeNode = FileNode | FolderNode;

/** A visible line of the tree. */
export interface TreeRow {
  readonly node: TreeNode;
  /** From 1. */
  readonly level: number;
  /** Its place among its siblings, from 1, and their number. */
  readonly position: number;
  readonly siblings: number;
  readonly isOpen: boolean;
}

const byName = new Intl.Collator('en', { numeric: true });

class Folder implements FolderNode {
  readonly kind = 'folder';
  readonly name: string;
  readonly path: string;
  bytes = 0;
  numFiles = 0;
  readonly folders = new Map<string, Folder>();
  readonly files: FileNode[] = [];
  #sorted: TreeNode[] | null = null;

  constructor(name: string, path: string) {
    this.name = name;
    this.path = path;
  }

  get children(): readonly TreeNode[] {
    this.#sorted ??= [
      ...[...this.folders.values()].sort((a, b) => byName.compare(a.name, b.name)),
      ...this.files.sort((a, b) => byName.compare(a.name, b.name)),
    ];
    return this.#sorted;
  }
}

/** The root of the tree of these files. */
export function treeOf(entries: readonly ArtifactEntry[]): FolderNode {
  const root = new Folder('', '');
  for (const { path, bytes, link } of entries) {
    let folder = root;
    addTo(folder, bytes);
    let start = 0;
    for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', start)) {
      const name = path.slice(start, end);
      const inner = folder.folders.get(name) ?? new Folder(name, path.slice(0, end));
      folder.folders.set(name, inner);
      folder = inner;
      addTo(folder, bytes);
      start = end + 1;
    }
    folder.files.push({ kind: 'file', name: path.slice(start), path, bytes, link });
  }
  return root;
}

function addTo(folder: Folder, bytes: number): void {
  folder.bytes += bytes;
  folder.numFiles += 1;
}

/** The visible lines: the contents of the root, and of each open folder below it. `open` has paths. */
export function rowsOf(root: FolderNode, open: ReadonlySet<string>): TreeRow[] {
  const rows: TreeRow[] = [];
  // A list and not a recursion, since a path has up to two thousand folders.
  const waiting = [{ children: root.children, next: 0 }];
  for (let top = waiting.at(-1); top !== undefined; top = waiting.at(-1)) {
    const node = top.children[top.next];
    if (node === undefined) {
      waiting.pop();
      continue;
    }
    top.next += 1;
    const isOpen = node.kind === 'folder' && open.has(node.path);
    rows.push({ node, level: waiting.length, position: top.next, siblings: top.children.length, isOpen });
    if (isOpen) {
      waiting.push({ children: node.children, next: 0 });
    }
  }
  return rows;
}

/** The paths of all folders, if opening them shows no more than `most` lines; else those of the chain of lone folders. */
export function openAtFirst(root: FolderNode, most: number): Set<string> {
  const all = new Set<string>();
  const waiting = [root];
  let lines = 0;
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    lines += folder.children.length;
    if (lines > most) {
      return loneFolders(root);
    }
    for (const child of folder.children) {
      if (child.kind === 'folder') {
        all.add(child.path);
        waiting.push(child);
      }
    }
  }
  return all;
}

function loneFolders(root: FolderNode): Set<string> {
  const open = new Set<string>();
  for (let folder: TreeNode | undefined = root; folder?.kind === 'folder' && folder.children.length === 1; ) {
    [folder] = folder.children;
    if (folder?.kind === 'folder') {
      open.add(folder.path);
    }
  }
  return open;
}

/** The paths of the folders above a file, the outermost first. */
export function foldersAbove(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
