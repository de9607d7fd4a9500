import { expect } from 'chai';
import fc from 'fast-check';
import { sparklinePath } from '../../../../../src/dashboard/parts/status/sparkline-path.js';

const values = fc.array(fc.option(fc.double({ min: 0, max: 1e9, noNaN: true })), { maxLength: 50 });

describe('the path of a sparkline', () => {
  it('has the highest value at the top and 0 at the bottom', () => {
    expect(sparklinePath([0, 5, 10], 20, 10)).to.equal('M0 10L10 5L20 0');
  });

  it('leaves a gap where a value is missing, and shows a value between gaps', () => {
    expect(sparklinePath([1, null, 1, null, 1, 1], 10, 4)).to.equal('M0 0h0.01M4 0h0.01M8 0L10 0');
  });

  it('stays in its box, with a point for each value', () => {
    fc.assert(
      fc.property(values, (list) => {
        const points = [...sparklinePath(list, 100, 20).matchAll(/[ML]([\d.]+) ([\d.]+)/g)];
        expect(points.length).to.equal(list.filter((value) => value !== null).length);
        for (const [, x, y] of points) {
          expect(Number(x)).to.be.within(0, 100);
          expect(Number(y)).to.be.within(0, 20);
        }
      }),
    );
  });
});
