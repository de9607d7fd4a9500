import { expect } from 'chai';
import fc from 'fast-check';
import { backoffDelay } from '../../../../src/lib/async/backoff.js';

const options = { firstMs: 250, maxMs: 15_000 };

describe('backoffDelay', () => {
  it('is at least half of the exponential step, and at most the maximum', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
        const delay = backoffDelay(attempt, options, random);
        const step = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(attempt, 30));
        expect(delay)
          .to.be.at.most(options.maxMs)
          .and.at.least(step / 2);
      }),
    );
  });

  it('doubles with each attempt up to the maximum', () => {
    expect([0, 1, 2, 9].map((attempt) => backoffDelay(attempt, options, 0))).to.deep.equal([
      125, 250, 500, 7500,
    ]);
  });
});
