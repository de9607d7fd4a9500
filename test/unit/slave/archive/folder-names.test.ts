import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { FolderNames } from '../../../../src/slave/archive/folder-names.js';

describe('the names in a folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'names-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function allOf(names: FolderNames): string[] {
    const all: string[] = [];
    for (let name = names.next(); name !== null; name = names.next()) {
      all.push(name);
    }
    return all;
  }

  it('are returned sorted, and null after the last', () => {
    for (const name of ['b', 'a', 'c']) {
      writeFileSync(join(folder, name), '');
    }
    const names = new FolderNames(folder);
    expect(allOf(names)).to.deep.equal(['a', 'b', 'c']);
    expect(names.next()).to.equal(null);
  });

  it('are each returned once, in sorted runs, when there are more than are held in memory', () => {
    const expected = Array.from({ length: 25 }, (_, number) => `file-${number}`).sort();
    for (const name of expected) {
      writeFileSync(join(folder, name), '');
    }
    const all = allOf(new FolderNames(folder, 10));
    expect([...all].sort()).to.deep.equal(expected);
    for (const piece of [all.slice(0, 10), all.slice(10, 20), all.slice(20)]) {
      expect(piece).to.deep.equal([...piece].sort());
    }
  });

  it('leave nothing open, whether all are read or not', () => {
    const isOpen = () => readdirSync('/proc/self/fd').length;
    writeFileSync(join(folder, 'a'), '');
    writeFileSync(join(folder, 'b'), '');
    const before = isOpen();
    allOf(new FolderNames(folder));
    const left = new FolderNames(folder, 1);
    expect(isOpen()).to.equal(before + 1);
    left.close();
    expect(() => new FolderNames(join(folder, 'a'))).to.throw('ENOTDIR');
    expect(isOpen()).to.equal(before);
  });

  it('of an empty folder are none', () => {
    mkdirSync(join(folder, 'empty'));
    expect(new FolderNames(join(folder, 'empty')).next()).to.equal(null);
  });
});
