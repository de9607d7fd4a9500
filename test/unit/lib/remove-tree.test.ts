import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { removeTree } from '../../../src/lib/remove-tree.js';

describe('removing a tree', () => {
  let outside: string;
  let tree: string;
  beforeEach(() => {
    outside = mkdtempSync(join(tmpdir(), 'tree-'));
    tree = join(outside, 'tree');
    mkdirSync(tree);
  });
  afterEach(() => rmSync(outside, { recursive: true }));

  it('removes folders in folders, empty or not, and more files than it looks at once', async () => {
    mkdirSync(join(tree, 'empty'));
    mkdirSync(join(tree, 'a/b/c'), { recursive: true });
    for (let number = 0; number < 600; number += 1) {
      writeFileSync(join(tree, 'a/b', String(number)), '');
    }
    await removeTree(tree);
    expect(readdirSync(outside)).to.deep.equal([]);
  });

  it('removes a link, and nothing of what it leads to', async () => {
    mkdirSync(join(outside, 'kept'));
    writeFileSync(join(outside, 'kept/file'), '');
    symlinkSync('../kept', join(tree, 'link'));
    symlinkSync('nowhere', join(tree, 'dangling'));
    symlinkSync('kept', join(outside, 'itself'));
    await removeTree(tree);
    await removeTree(join(outside, 'itself'));
    expect(readdirSync(outside)).to.deep.equal(['kept']);
    expect(readdirSync(join(outside, 'kept'))).to.deep.equal(['file']);
  });

  it('removes names that are no UTF-8', async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0xfe])]), '');
    mkdirSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xe9])]));
    await removeTree(tree);
    expect(existsSync(tree)).to.equal(false);
  });

  it('removes what is in folders that were made read-only, also one in another', async function () {
    if (process.getuid?.() === 0) {
      // Nothing is forbidden to root.
      this.skip();
    }
    mkdirSync(join(tree, 'closed/in-it'), { recursive: true });
    writeFileSync(join(tree, 'closed/in-it/file'), '');
    chmodSync(join(tree, 'closed/in-it'), 0o555);
    chmodSync(join(tree, 'closed'), 0o000);
    await removeTree(tree);
    expect(existsSync(tree)).to.equal(false);
  });

  it('removes a file, and is content with nothing', async () => {
    writeFileSync(join(tree, 'file'), '');
    await removeTree(join(tree, 'file'));
    await removeTree(join(tree, 'never/there'));
    expect(readdirSync(tree)).to.deep.equal([]);
  });
});
