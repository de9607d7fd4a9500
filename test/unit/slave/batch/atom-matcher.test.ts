import { expect } from 'chai';
import fc from 'fast-check';
import { type BatchMatch, batchMatch } from '../../../../src/protocol/build/job.js';
import { AtomMatcher } from '../../../../src/slave/batch/atom-matcher.js';

interface Named {
  readonly file?: string;
  readonly classname?: string;
  readonly name?: string;
  readonly suites?: readonly string[];
  readonly suiteFile?: string;
}

function owners(match: BatchMatch, values: readonly string[], named: Named): readonly number[] {
  const { suites = [], suiteFile, ...attributes } = named;
  const given = Object.fromEntries(Object.entries(attributes).filter(([, text]) => text !== undefined));
  return new AtomMatcher(match, values, ['/work/shop', '/real/shop']).owners(given, {
    names: suites,
    file: suiteFile,
  });
}

/** Paths of which none is a beginning of another, with a package for each. */
const path = fc.stringMatching(/^[a-c]{1,2}(\/[a-c]{1,2}){0,2}\.(py|js)$/);

describe('an atom of a batch', () => {
  describe('with match: file', () => {
    it('is named by the file of a test case, however the path is written', () => {
      const values = ['test/a.js', 'test/b.js'];
      for (const file of ['test/b.js', './test/b.js', '/work/shop/test/b.js', '/real/shop/test//b.js']) {
        expect(owners('file', values, { file }), file).to.deep.equal([1]);
      }
    });

    it('is named by the file of a suite around the test case, unless the test case has one', () => {
      const values = ['test/a.js', 'test/b.js'];
      expect(owners('file', values, { suiteFile: 'test/a.js' })).to.deep.equal([0]);
      expect(owners('file', values, { suiteFile: 'test/a.js', file: 'test/b.js' })).to.deep.equal([1]);
    });

    it('is not named by a path that only ends alike, or by none', () => {
      for (const file of ['a.js', 'other/test/a.js', '/work/other/test/a.js', 'test/A.js', '', undefined]) {
        expect(owners('file', ['test/a.js'], file === undefined ? {} : { file }), String(file)).to.deep.equal(
          [],
        );
      }
    });
  });

  describe('with match: classname', () => {
    it('is named by a class name with dots for the path, as pytest writes it, also for a class in it', () => {
      const values = ['tests/test_a.py', 'tests/test_ab.py'];
      expect(owners('classname', values, { classname: 'tests.test_a' })).to.deep.equal([0]);
      expect(owners('classname', values, { classname: 'tests.test_ab.TestCart.Inner' })).to.deep.equal([1]);
    });

    it('is named by the name of a test case without a class name, as pytest reports a file that it cannot import', () => {
      expect(owners('classname', ['tests/test_a.py'], { classname: '', name: 'tests.test_a' })).to.deep.equal(
        [0],
      );
    });

    it('is named by a class name that is its path, as vitest, rspec and gotestsum write it', () => {
      expect(owners('classname', ['test/a.test.js'], { classname: 'test/a.test.js' })).to.deep.equal([0]);
      expect(owners('classname', ['spec/a_spec.rb'], { classname: 'spec.a_spec' })).to.deep.equal([0]);
      expect(owners('classname', ['example.com/shop'], { classname: 'example.com/shop' })).to.deep.equal([0]);
    });

    it('is not named by a class name that goes on without a dot', () => {
      expect(owners('classname', ['tests/test_a.py'], { classname: 'tests.test_ab' })).to.deep.equal([]);
    });

    it('is one of several when the class name may mean each of them', () => {
      const values = ['tests/shop.py', 'tests/shop/cart.py'];
      expect(owners('classname', values, { classname: 'tests.shop.cart' })).to.have.members([0, 1]);
    });
  });

  describe('with match: suite', () => {
    it('is named by any suite around the test case', () => {
      const values = ['test/a.js', 'example.com/shop'];
      expect(owners('suite', values, { suites: ['all', 'test/a.js', 'inner'] })).to.deep.equal([0]);
      expect(owners('suite', values, { suites: ['example.com/shop'] })).to.deep.equal([1]);
      expect(owners('suite', values, { suites: ['all'] })).to.deep.equal([]);
    });

    it('is one of several when suites name several', () => {
      expect(owners('suite', ['a', 'b'], { suites: ['b', 'a', 'b'] })).to.have.members([0, 1]);
    });
  });

  it('is never named alone by a text when another atom has the same path', () => {
    const named = { file: 'a.py', classname: 'a', suites: ['a.py'] };
    for (const match of batchMatch) {
      expect(owners(match, ['a.py', './a.py'], named), match).to.have.members([0, 1]);
    }
  });

  it('is always named by its own path, and never alone by that of another', () => {
    fc.assert(
      fc.property(fc.uniqueArray(path, { minLength: 1, maxLength: 8 }), fc.nat(), (values, chosen) => {
        const index = chosen % values.length;
        const value = values[index] ?? '';
        expect(owners('file', values, { file: value })).to.deep.equal([index]);
        expect(owners('suite', values, { suites: [value] })).to.deep.equal([index]);
        expect(
          owners('classname', values, { classname: value.replace(/\.\w+$/, '').replaceAll('/', '.') }),
        ).to.include(index);
      }),
    );
  });

  it('is not searched for in texts of any length', () => {
    const long = `a.${'b.'.repeat(1_000_000)}`;
    expect(owners('classname', ['a'], { classname: long })).to.deep.equal([]);
  });
});
