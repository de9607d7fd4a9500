import { expect } from 'chai';
import fc from 'fast-check';
import { groupAtoms } from '../../../src/domain/grouping.js';

const seconds = fc.option(fc.double({ min: 0, max: 1000, noNaN: true }), { nil: null });
const atoms = fc
  .array(seconds, { maxLength: 300 })
  .map((times) => times.map((expected, index) => ({ index, expected })));
const executors = fc.integer({ min: 0, max: 200 });

describe('grouping', () => {
  it('puts every atom into exactly one group, and leaves none empty', () => {
    fc.assert(
      fc.property(atoms, executors, (list, width) => {
        const groups = groupAtoms(list, width);
        const grouped = groups.flatMap((group) => group.atoms).sort((a, b) => a - b);
        expect(grouped).to.deep.equal(list.map(({ index }) => index));
        expect(groups.every((group) => group.atoms.length > 0)).to.equal(true);
      }),
    );
  });

  it('hands out what is expected to take longest first', () => {
    fc.assert(
      fc.property(atoms, executors, (list, width) => {
        const times = groupAtoms(list, width).map(({ expected }) => expected ?? Infinity);
        expect(times).to.deep.equal([...times].sort((a, b) => b - a));
      }),
    );
  });

  it('leaves an atom alone that is worth a hand-out by itself', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1, max: 99, noNaN: true })), executors, (times, width) => {
        const list = times.map((expected, index) => ({ index, expected }));
        expect(groupAtoms(list, width)).to.have.length(list.length);
      }),
    );
  });

  it('groups cheap atoms, so that handing out costs little', () => {
    const list = Array.from({ length: 10_000 }, (_, index) => ({ index, expected: 0.01 }));
    const groups = groupAtoms(list, 10);
    expect(groups.length).to.be.lessThan(1000);
  });

  it('keeps the last groups small, with and without history', () => {
    for (const expected of [0.01, null]) {
      const list = Array.from({ length: 2000 }, (_, index) => ({ index, expected }));
      expect(groupAtoms(list, 10).at(-1)?.atoms).to.have.length(1);
    }
  });

  it('keeps groups small as long as nothing is known', () => {
    const list = Array.from({ length: 100_000 }, (_, index) => ({ index, expected: null }));
    const sizes = groupAtoms(list, 1).map((group) => group.atoms.length);
    expect(Math.max(...sizes)).to.be.at.most(25);
  });

  it('takes an atom without history to be as long as the longest', () => {
    const [first] = groupAtoms(
      [
        { index: 0, expected: 5 },
        { index: 1, expected: null },
        { index: 2, expected: 1 },
      ],
      1,
    );
    expect(first?.expected).to.equal(5);
    expect(groupAtoms([{ index: 0, expected: null }], 1)[0]?.expected).to.equal(null);
  });
});
