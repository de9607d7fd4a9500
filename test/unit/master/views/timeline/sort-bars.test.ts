import { expect } from 'chai';
import fc from 'fast-check';
import { orderOfBars } from '../../../../../src/master/views/timeline/sort-bars.js';

describe('orderOfBars', () => {
  it('sorts by executor, then by start, then by place, and leaves out bars without an executor', () => {
    const bar = fc.tuple(fc.integer({ min: -1, max: 3 }), fc.nat({ max: 5 }));
    fc.assert(
      fc.property(fc.array(bar, { maxLength: 40 }), (bars) => {
        const executors = Float64Array.from(bars, ([executor]) => executor);
        const starts = Float64Array.from(bars, ([, start]) => start);
        const expected = bars
          .map(([executor, start], place) => ({ executor, start, place }))
          .filter(({ executor }) => executor >= 0)
          .sort((a, b) => a.executor - b.executor || a.start - b.start || a.place - b.place);
        expect([...orderOfBars(executors, starts, 4)]).to.deep.equal(expected.map(({ place }) => place));
      }),
    );
  });

  it('sorts starts of months and fractions, and many bars', () => {
    const count = 100_000;
    const executors = new Float64Array(count);
    const starts = Float64Array.from(executors, (_, at) => (count - at) * 4000);
    const order = orderOfBars(executors, starts, 1);
    expect([order[0], order[count - 1]]).to.deep.equal([count - 1, 0]);
  });

  it('refuses more bars than a build can have', () => {
    const executors = new Float64Array(2 ** 20 + 1);
    expect(() => orderOfBars(executors, executors, 1)).to.throw(RangeError);
  });
});
