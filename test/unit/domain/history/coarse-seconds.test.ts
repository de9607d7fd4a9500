import { expect } from 'chai';
import fc from 'fast-check';
import { coarsely, fromCoarse, toCoarse } from '../../../../src/domain/history/coarse-seconds.js';

describe('coarse seconds', () => {
  const seconds = fc.double({ min: 0, max: 1e7, noNaN: true });

  it('are milliseconds below one second, and have three digits above it', () => {
    expect([0, 0.0004, 0.123, 0.9996, 1.234, 12.345, 99.95, 3661, 99_949].map(coarsely)).to.deep.equal([
      0, 0, 0.123, 1, 1.23, 12.3, 100, 3660, 99_900,
    ]);
  });

  it('are at most half a percent or half a millisecond off', () => {
    fc.assert(
      fc.property(seconds, (value) => {
        expect(Math.abs(coarsely(value) - value)).to.be.at.most(Math.max(0.000501, value * 0.00501));
      }),
    );
  });

  it('have the order of the durations', () => {
    fc.assert(
      fc.property(seconds, seconds, (a, b) => {
        expect(toCoarse(Math.min(a, b))).to.be.at.most(toCoarse(Math.max(a, b)));
      }),
    );
  });

  it('stand for one number each', () => {
    fc.assert(
      fc.property(fc.nat({ max: 8_000 }), (coarse) => {
        expect(toCoarse(fromCoarse(coarse))).to.equal(coarse);
      }),
    );
  });

  it('are cut where a clock has jumped', () => {
    expect(toCoarse(Number.MAX_VALUE)).to.equal(toCoarse(999e6));
  });
});
