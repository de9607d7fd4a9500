import { expect } from 'chai';
import fc from 'fast-check';
import { groupAtoms } from '../../../../src/domain/scheduling/grouping.js';

const seconds = fc.option(fc.double({ min: 0, max: 1000, noNaN: true }), { nil: null });
const atoms = fc
  .array(seconds, { maxLength: 300 })
  .map((times) => times.map((expected, index) => atom(index, expected)));
const atom = (index: number, expected: number | null, stdDev = 0) => ({ index, expected, stdDev });
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

  it('puts the longest atoms first', () => {
    fc.assert(
      fc.property(atoms, executors, (list, width) => {
        const times = groupAtoms(list, width).map(({ expected }) => expected ?? Infinity);
        expect(times).to.deep.equal([...times].sort((a, b) => b - a));
      }),
    );
  });

  it('leaves an atom alone that is long enough for a hand-out of its own', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 2.1, max: 99, noNaN: true })), executors, (times, width) => {
        const list = times.map((expected, index) => atom(index, expected));
        expect(groupAtoms(list, width)).to.have.length(list.length);
      }),
    );
  });

  it('groups cheap atoms, so that handing out costs little', () => {
    const list = Array.from({ length: 10_000 }, (_, index) => atom(index, 0.01));
    const groups = groupAtoms(list, 10);
    expect(groups.length).to.be.lessThan(1000);
  });

  it('keeps the last groups small, with and without history', () => {
    const last = (expected: number | null) =>
      groupAtoms(
        Array.from({ length: 2000 }, (_, index) => atom(index, expected)),
        10,
      ).at(-1)?.atoms.length;
    expect(last(null)).to.equal(1);
    expect(last(0.01)).to.be.at.most(10);
  });

  it('keeps groups small without any history', () => {
    const list = Array.from({ length: 100_000 }, (_, index) => atom(index, null));
    const sizes = groupAtoms(list, 1).map((group) => group.atoms.length);
    expect(Math.max(...sizes)).to.be.at.most(10);
  });

  it('counts an atom without history as the longest', () => {
    const [first] = groupAtoms([atom(0, 5), atom(1, null), atom(2, 1)], 1);
    expect(first?.expected).to.equal(5);
    expect(groupAtoms([atom(0, null)], 1)[0]?.expected).to.equal(null);
  });

  it('puts the atom with the larger deviation first among equal means', () => {
    const [first] = groupAtoms([atom(0, 5, 0.1), atom(1, 5, 4), atom(2, 5, 1)], 2);
    expect(first?.atoms).to.deep.equal([1]);
  });

  it("uses the time of the build's own atoms where no atom has a history", () => {
    const blind = Array.from({ length: 400 }, (_, index) => atom(index, null));
    const long = groupAtoms(blind, 4, 60);
    expect(long).to.have.length(400);
    expect(long[0]).to.include({ expected: 60 });
    expect(groupAtoms(blind, 4, 0.01).length).to.be.lessThan(60);
  });

  it('makes no group so large that it would delay the end', () => {
    const known = fc.array(fc.double({ min: 0.005, max: 20, noNaN: true }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(known, fc.integer({ min: 1, max: 50 }), (times, width) => {
        const even = times.reduce((sum, one) => sum + one, 0) / width;
        for (const { atoms: members, expected } of groupAtoms(
          times.map((one, index) => atom(index, one)),
          width,
        )) {
          expect(members.length === 1 || (expected ?? 0) <= even / 2 + 1e-9).to.equal(true);
        }
      }),
    );
  });

  it('puts likely failures before all others, in small groups', () => {
    const list = [9, 8, 1, 7].map((expected, index) => atom(index, expected));
    const [first, second] = groupAtoms(
      list.map((one) => ({ ...one, risk: one.index === 2 ? 0.3 : 0 })),
      2,
    );
    expect([first?.atoms, second?.atoms]).to.deep.equal([[2], [0]]);
    const cheap = Array.from({ length: 1000 }, (_, index) => ({ ...atom(index, 0.01), risk: 0.5 }));
    expect(Math.max(...groupAtoms(cheap, 1).map(({ atoms }) => atoms.length))).to.equal(10);
  });
});
