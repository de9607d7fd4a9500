import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { removeTree, TreeRemains } from '../../../../src/lib/fs/remove-tree.js';
import { failureOf } from '../../../support/failure-of.js';
import { makeImmutable, makeMutable } from '../../../support/immutable.js';
import { makeDeepFolder, makeTree, treeOf } from '../../../support/random-tree.js';

describe('removeTree', () => {
  let outside: string;
  let tree: string;
  beforeEach(() => {
    outside = mkdtempSync(join(tmpdir(), 'tree-'));
    tree = join(outside, 'tree');
    mkdirSync(tree);
  });
  afterEach(() => execFileSync('rm', ['-rf', outside]));

  it('removes nested folders, empty or not, and more files than one batch', async () => {
    mkdirSync(join(tree, 'empty'));
    mkdirSync(join(tree, 'a/b/c'), { recursive: true });
    for (let number = 0; number < 600; number += 1) {
      writeFileSync(join(tree, 'a/b', String(number)), '');
    }
    await removeTree(tree);
    expect(readdirSync(outside)).to.deep.equal([]);
  });

  it('removes a link, and not its target', async () => {
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

  it('removes files whose names are not UTF-8', async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0xfe])]), '');
    mkdirSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xe9])]));
    await removeTree(tree);
    expect(existsSync(tree)).to.equal(false);
  });

  it('removes the contents of read-only folders, also of nested ones', async function () {
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

  it('removes a single file, and succeeds when nothing exists', async () => {
    writeFileSync(join(tree, 'file'), '');
    await removeTree(join(tree, 'file'));
    await removeTree(join(tree, 'never/there'));
    expect(readdirSync(tree)).to.deep.equal([]);
  });

  it('removes folders deeper than the longest path, also beside others and read-only ones', async () => {
    makeDeepFolder(join(tree, 'deep'), 200);
    makeDeepFolder(join(tree, 'a/b', 'deep'), 30);
    chmodSync(join(tree, 'deep', 'd'.repeat(100)), 0o500);
    await removeTree(tree);
    expect(existsSync(tree)).to.equal(false);
  });

  it('removes any random tree completely, and no target of its links', async () => {
    mkdirSync(join(outside, 'kept'));
    writeFileSync(join(outside, 'kept/file'), 'kept');
    await fc.assert(
      fc.asyncProperty(treeOf, async (entries) => {
        makeTree(tree, entries, join(outside, 'kept'));
        await removeTree(tree);
        expect(readdirSync(outside)).to.deep.equal(['kept']);
        expect(readFileSync(join(outside, 'kept/file'), 'utf8')).to.equal('kept');
      }),
      { numRuns: 20 },
    );
  });

  it('removes everything it can, and names the first remaining file', async function () {
    mkdirSync(join(tree, 'a/b'), { recursive: true });
    writeFileSync(join(tree, 'a/b/stays'), '');
    writeFileSync(join(tree, 'a/b/goes'), '');
    writeFileSync(join(tree, 'z'), '');
    if (!makeImmutable(join(tree, 'a/b/stays'))) {
      this.skip();
    }
    try {
      const error = await failureOf(removeTree(tree));
      expect(error).to.be.instanceOf(TreeRemains).and.to.have.property('code', 'EPERM');
      expect(error).to.have.property('message', `${tree}/a/b/stays cannot be removed (EPERM)`);
      expect(readdirSync(join(tree, 'a/b'))).to.deep.equal(['stays']);
      expect(readdirSync(tree)).to.deep.equal(['a']);
    } finally {
      makeMutable(tree);
    }
  });

  it('keeps file systems that are mounted in the tree', async function () {
    mkdirSync(join(tree, 'mount'));
    mkdirSync(join(outside, 'kept'));
    writeFileSync(join(outside, 'kept/file'), '');
    writeFileSync(join(tree, 'goes'), '');
    if (spawnSync('mount', ['--bind', join(outside, 'kept'), join(tree, 'mount')]).status !== 0) {
      // Only root may mount, and not in each container.
      this.skip();
    }
    try {
      const error = await failureOf(removeTree(tree));
      expect(error).to.have.property('code', 'EBUSY');
      expect(readdirSync(join(outside, 'kept'))).to.deep.equal(['file']);
      expect(readdirSync(tree)).to.deep.equal(['mount']);
    } finally {
      execFileSync('umount', [join(tree, 'mount')]);
    }
  });
});
