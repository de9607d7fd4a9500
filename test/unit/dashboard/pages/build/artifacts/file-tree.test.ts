import { expect } from 'chai';
import fc from 'fast-check';
import {
  type FolderNode,
  foldersAbove,
  openAtFirst,
  rowsOf,
  type TreeNode,
  treeOf,
} from '../../../../../../src/dashboard/pages/build/artifacts/file-tree.js';

const entry = (path: string, bytes = 1, link: string | null = null) => ({ path, bytes, link });

/** Names that objects and sorting may take for something else, and any other. */
const name = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'a', 'b', '10', '9', '‮x', '..'),
  fc.string({ minLength: 1, maxLength: 4 }).filter((text) => !text.includes('/')),
);
/** Paths of files, none of which is also a folder above another. */
const entries = fc
  .uniqueArray(
    fc.record({
      path: fc.array(name, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/')),
      bytes: fc.nat(),
    }),
    { selector: ({ path }) => path, maxLength: 40 },
  )
  .map((list) =>
    list
      .filter(({ path }) => !list.some((other) => other.path.startsWith(`${path}/`)))
      .map(({ path, bytes }) => entry(path, bytes)),
  );

function foldersIn(folder: FolderNode): FolderNode[] {
  const inner = folder.children.filter((child) => child.kind === 'folder');
  return [folder, ...inner.flatMap(foldersIn)];
}

function lines(root: FolderNode, open: ReadonlySet<string>): string[] {
  return rowsOf(root, open).map(
    ({ node, level }) => `${' '.repeat(level - 1)}${node.name}${node.kind === 'folder' ? '/' : ''}`,
  );
}

describe('the tree of the files of a folder', () => {
  it('has folders before files, each by name with numbers by value', () => {
    const root = treeOf(['b', 'a10', 'a9', 'z/x', 'c/y'].map((path) => entry(path)));
    expect(lines(root, new Set())).to.deep.equal(['c/', 'z/', 'a9', 'a10', 'b']);
    expect(lines(root, new Set(['z']))).to.deep.equal(['c/', 'z/', ' x', 'a9', 'a10', 'b']);
  });

  it('has each file once at its path, and sizes and counts that add up', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const root = treeOf(list);
        const folders = foldersIn(root);
        const rows = rowsOf(root, new Set(folders.map(({ path }) => path)));
        const files = rows.map(({ node }) => node).filter((node: TreeNode) => node.kind === 'file');
        expect(files.map(({ path }) => path).sort()).to.deep.equal(list.map(({ path }) => path).sort());
        for (const folder of folders) {
          const inside = list.filter(({ path }) => folder.path === '' || path.startsWith(`${folder.path}/`));
          expect(folder.numFiles).to.equal(inside.length);
          expect(folder.bytes).to.equal(inside.reduce((sum, { bytes }) => sum + bytes, 0));
        }
        for (const { node, level, position, siblings } of rows) {
          expect(level).to.equal(node.path.split('/').length);
          expect(position).to.be.within(1, siblings);
        }
      }),
    );
  });

  it('is open at first if it is small, else along folders without siblings', () => {
    const small = treeOf(['a/b/c', 'a/d'].map((path) => entry(path)));
    expect([...openAtFirst(small, 10)].sort()).to.deep.equal(['a', 'a/b']);
    const many = treeOf(Array.from({ length: 50 }, (_, n) => entry(`out/report/${n}/x`)));
    expect([...openAtFirst(many, 10)]).to.deep.equal(['out', 'out/report']);
  });

  it('shows a hundred thousand files, and a path of two thousand folders', () => {
    const root = treeOf(Array.from({ length: 100_000 }, (_, n) => entry(`d${n % 100}/f${n}`)));
    expect(rowsOf(root, new Set())).to.have.length(100);
    expect(rowsOf(root, new Set(['d0']))).to.have.length(1100);
    const deep = treeOf([entry(Array.from({ length: 2000 }, () => 'x').join('/'))]);
    expect(rowsOf(deep, openAtFirst(deep, 10_000))).to.have.length(2000);
  });

  it('is opened down to a file by the folders above it', () => {
    expect(foldersAbove('a/b/c.txt')).to.deep.equal(['a', 'a/b']);
    expect(foldersAbove('c.txt')).to.deep.equal([]);
  });
});
