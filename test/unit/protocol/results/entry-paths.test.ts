import { expect } from 'chai';
import fc from 'fast-check';
import { EntryPaths, pathProblem } from '../../../../src/protocol/results/entry-paths.js';

describe('the paths of an archive', () => {
  /** A file system, as simple as can be: what is at each path. */
  function fits(entries: readonly { path: string; isFolder: boolean }[]): boolean[] {
    const there = new Map<string, 'folder' | 'other'>();
    return entries.map(({ path, isFolder }) => {
      const parts = path.split('/');
      const above = parts.slice(1).map((_, number) => parts.slice(0, number + 1).join('/'));
      const before = there.get(path);
      if (
        above.some((one) => there.get(one) === 'other') ||
        (before !== undefined && !(isFolder && before === 'folder'))
      ) {
        return false;
      }
      for (const one of above) {
        there.set(one, 'folder');
      }
      there.set(path, isFolder ? 'folder' : 'other');
      return true;
    });
  }

  it('are accepted exactly if a file system could hold them all', () => {
    const part = fc.constantFrom('a', 'b', 'A', 'ab');
    const entry = fc.record({
      path: fc
        .array(part, { minLength: 1, maxLength: 4 })
        .map((parts) => ['artifact_0_0', ...parts].join('/')),
      isFolder: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 30 }), (entries) => {
        const paths = new EntryPaths();
        const taken = entries.map(
          ({ path, isFolder }) => paths.add(isFolder ? `${path}/` : path, isFolder) === null,
        );
        expect(taken).to.deep.equal(fits(entries));
      }),
    );
  });

  it('are distinguished although only a fingerprint is kept of each', () => {
    const paths = new EntryPaths();
    let clashes = 0;
    for (let number = 0; number < 200_000; number += 1) {
      const path = `artifact_0_0/${number % 100}/${number.toString(36)}`;
      clashes += paths.add(path, false) === null ? 0 : 1;
    }
    expect(clashes).to.equal(0);
  });

  it('are too long exactly if a file system takes no such name or path', () => {
    expect(pathProblem(`a/${'n'.repeat(255)}`)).to.equal(null);
    expect(pathProblem(`a/${'\u00e9'.repeat(128)}`)).to.contain('name');
    expect(pathProblem('nn/'.repeat(1365))).to.equal(null);
    expect(pathProblem('nn/'.repeat(1366))).to.contain('path');
  });
});
