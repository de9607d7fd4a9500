import { expect } from 'chai';
import fc from 'fast-check';
import { compareFound, mergeSorted, SortedParts } from '../../../../src/master/views/atom-order.js';
import { type AtomOrder, atomOrder } from '../../../../src/protocol/build/search-parameters.js';

const key = fc.option(fc.integer({ min: 0, max: 5 }));
const found = fc
  .uniqueArray(fc.nat({ max: 100 }), { maxLength: 40 })
  .chain((ids) => fc.tuple(...ids.map((id) => fc.record({ id: fc.constant(id), key }))));

describe('the order of found atoms', () => {
  const sorted = (order: AtomOrder) =>
    [
      { id: 1, key: 2 },
      { id: 2, key: null },
      { id: 3, key: 1 },
      { id: 4, key: 2 },
      { id: 5, key: null },
    ]
      .sort(compareFound(order))
      .map(({ id }) => id);

  it('is that of their keys, then of their ids, and atoms without a key come last', () => {
    expect(sorted('duration')).to.deep.equal([3, 1, 4, 2, 5]);
    expect(sorted('-duration')).to.deep.equal([1, 4, 3, 2, 5]);
  });

  it('is total', () => {
    fc.assert(
      fc.property(found, fc.constantFrom(...atomOrder), (atoms, order) => {
        const compare = compareFound(order);
        for (const a of atoms) {
          for (const b of atoms) {
            expect(Math.sign(compare(a, b)) + Math.sign(compare(b, a))).to.equal(0);
            expect(compare(a, b) === 0).to.equal(a === b);
          }
        }
      }),
    );
  });

  it('is the same for the first atoms of sorted parts, however the atoms are split', () => {
    fc.assert(
      fc.property(
        found,
        fc.array(fc.nat({ max: 40 }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom(...atomOrder),
        (atoms, cuts, most, order) => {
          const whole = new SortedParts(most, compareFound(order));
          const bounds = [0, ...cuts.sort((a, b) => a - b), atoms.length];
          for (const [at, from] of bounds.entries()) {
            whole.add(atoms.slice(from, bounds[at + 1] ?? from).sort(compareFound(order)));
          }
          const expected = [...atoms].sort(compareFound(order)).slice(0, most);
          expect(whole.all().map(({ id }) => id)).to.deep.equal(expected.map(({ id }) => id));
        },
      ),
    );
  });

  it('keeps equal items of two lists in the order of the lists', () => {
    const byTens = (a: number, b: number) => Math.floor(a / 10) - Math.floor(b / 10);
    expect(mergeSorted([1, 11, 12], [3, 10, 20], 6, byTens)).to.deep.equal([1, 3, 11, 12, 10, 20]);
    expect(mergeSorted([1, 11, 12], [3], 3, byTens)).to.deep.equal([1, 3, 11]);
  });
});
