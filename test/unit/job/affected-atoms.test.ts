import { expect } from 'chai';
import fc from 'fast-check';
import { affectedAtoms } from '../../../src/job/affected-atoms.js';

const atoms = ['test/a.test.js', './test/b.test.js', '$PROJECT_DIR/test/deep/c.test.js', 'unrelated'].map(
  (value) => ({ variable: 'TEST', value }),
);

describe('the atoms that a change affects', () => {
  it('are those whose value is a changed path', () => {
    expect(affectedAtoms(['test/b.test.js', 'test/deep/c.test.js'], [], atoms)).to.deep.equal({
      places: [1, 2],
      uncovered: null,
    });
  });

  it('are those that the rules name for the changed paths', () => {
    const rules = [
      { paths: ['src/b/**', 'lib/*.c'], atoms: ['test/b*'] },
      { paths: ['src/c.js'], atoms: ['test/**/c.test.js', 'unrelated'] },
    ];
    expect(affectedAtoms(['src/b/deep/x.js'], rules, atoms)).to.deep.equal({ places: [1], uncovered: null });
    expect(affectedAtoms(['lib/x.c', 'src/c.js'], rules, atoms).places).to.deep.equal([1, 2, 3]);
  });

  it('are all atoms when a changed file is covered by no rule', () => {
    const rules = [{ paths: ['docs/**'], atoms: [] }];
    expect(affectedAtoms(['docs/a.md'], rules, atoms)).to.deep.equal({ places: [], uncovered: null });
    expect(affectedAtoms(['docs/a.md', 'package.json', 'x'], rules, atoms).uncovered).to.equal(
      'package.json',
    );
    expect(affectedAtoms(['../other/file'], rules, atoms).uncovered).to.equal('../other/file');
  });

  it('takes hidden files and signs at the beginning of a pattern literally', () => {
    const rules = [
      { paths: ['**'], atoms: ['!x', '#y'] },
      { paths: ['nothing'], atoms: ['*'] },
    ];
    const odd = ['!x', '#y', 'z'].map((value) => ({ variable: 'TEST', value }));
    expect(affectedAtoms(['.hidden/.file'], rules, odd)).to.deep.equal({ places: [0, 1], uncovered: null });
  });

  it('grow with the changed files, whatever these are', () => {
    const path = fc.constantFrom('src/b/x.js', 'test/a.test.js', 'docs/a', 'zzz', 'unrelated', '../a');
    const rules = [
      { paths: ['src/**'], atoms: ['test/b*'] },
      { paths: ['docs/**'], atoms: [] },
    ];
    fc.assert(
      fc.property(fc.array(path), path, (some, more) => {
        const [before, after] = [some, [...some, more]].map((list) => affectedAtoms(list, rules, atoms));
        expect(after?.places).to.include.members([...(before?.places ?? [])]);
        expect(before?.uncovered === null || after?.uncovered === before?.uncovered).to.equal(true);
      }),
    );
  });
});
