import { expect } from 'chai';
import fc from 'fast-check';
import { rowShift } from '../../../../../src/dashboard/parts/table/row-shift.js';

/** The rows of a list from `first` to `last` with their indexes, as if they were visible. */
const visible = (list: readonly number[], first: number, last: number) =>
  new Map(list.slice(first, last + 1).map((key, place) => [key, first + place] as const));
const keysOf = (list: readonly number[]) => (index: number) => list[index] ?? null;
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, n) => from + n);

describe('rowShift', () => {
  it('is the number of rows that were added or removed above the visible ones, wherever others are added below', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.nat(499),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: -90, max: 90 }),
        fc.nat(50),
        (count, start, shown, added, below) => {
          const list = numbers(count);
          const first = Math.min(start, count - 1);
          const removed = Math.min(first, Math.max(0, -added));
          const after = [
            ...numbers(Math.max(0, added), 10_000),
            ...list.slice(removed),
            ...numbers(below, 20_000),
          ];
          const expected = added > 0 ? added : -removed;
          expect(rowShift(visible(list, first, first + shown - 1), keysOf(after)) + 0).to.equal(expected + 0);
        },
      ),
    );
  });

  it('follows more than half of the rows when others move elsewhere', () => {
    const before = visible([1, 2, 3, 4, 5], 0, 4);
    expect(rowShift(before, keysOf([9, 1, 2, 3, 5, 4]))).to.equal(1);
    expect(rowShift(before, keysOf([9, 1, 2, 5, 3, 4]))).to.equal(0);
  });

  it('is 0 when no row is known, before or after', () => {
    expect(rowShift(new Map(), keysOf([1, 2]))).to.equal(0);
    expect(rowShift(visible([1, 2], 0, 1), () => null)).to.equal(0);
    expect(rowShift(visible([1, 2], 0, 1), keysOf([7, 8, 9]))).to.equal(0);
  });
});
