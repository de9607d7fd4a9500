import { expect } from 'chai';
import fc from 'fast-check';
import { splitLikelyFailures } from '../../../../src/domain/scheduling/likely-failures.js';

const atoms = fc
  .array(
    fc.record({
      expected: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: null }),
      stdDev: fc.constant(0),
      risk: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    { maxLength: 60 },
  )
  .map((list) => list.map((atom, index) => ({ ...atom, index })));
const atom = (index: number, risk: number, expected: number | null) => ({ index, risk, expected, stdDev: 0 });
const indexes = (list: readonly { readonly index: number }[]) => list.map(({ index }) => index);

describe('likely failures', () => {
  it('are split from the other atoms, which keep their order', () => {
    fc.assert(
      fc.property(atoms, (list) => {
        const { likely, others } = splitLikelyFailures(list);
        expect(indexes([...likely, ...others]).sort((a, b) => a - b)).to.deep.equal(indexes(list));
        expect(indexes(others)).to.deep.equal(indexes(others).sort((a, b) => a - b));
        expect(others.every(({ risk }) => risk < 0.002)).to.equal(true);
      }),
    );
  });

  it('begin with the largest risk for each second', () => {
    const list = [atom(0, 0.5, 10), atom(1, 0.4, 1), atom(2, 0.5, 1), atom(3, 0, 1), atom(4, 0.5, 100)];
    expect(indexes(splitLikelyFailures(list).likely)).to.deep.equal([2, 1, 0, 4]);
  });

  it('find the first failure soonest of all orders', () => {
    const independent = fc.array(
      fc.record({
        seconds: fc.double({ min: 0.1, max: 10, noNaN: true }),
        risk: fc.double({ min: 0.05, max: 0.95, noNaN: true }),
      }),
      { minLength: 2, maxLength: 6 },
    );
    fc.assert(
      fc.property(independent, fc.array(fc.nat(), { minLength: 6, maxLength: 6 }), (list, keys) => {
        const some = list.map(({ seconds, risk }, index) => atom(index, risk, seconds));
        const other = [...some].sort((a, b) => (keys[a.index] ?? 0) - (keys[b.index] ?? 0));
        expect(timeToFailure(splitLikelyFailures(some).likely)).to.be.at.most(timeToFailure(other) + 1e-9);
      }),
    );
  });

  it('count as long as the mean of the others when their length is not known', () => {
    const list = [atom(0, 0.5, 1), atom(1, 0.5, null), atom(2, 0.5, 5)];
    expect(indexes(splitLikelyFailures(list).likely)).to.deep.equal([0, 1, 2]);
  });

  it('are at most a thousand', () => {
    const all = Array.from({ length: 5_000 }, (_, index) => atom(index, 0.9, 1));
    expect(splitLikelyFailures(all).likely).to.have.length(1_000);
  });
});

/** The expected seconds until the first failure, or until the end, where one atom runs after another. */
function timeToFailure(
  order: readonly { readonly expected: number | null; readonly risk: number }[],
): number {
  let none = 1;
  let sum = 0;
  for (const { expected, risk } of order) {
    sum += none * (expected ?? 0);
    none *= 1 - risk;
  }
  return sum;
}
