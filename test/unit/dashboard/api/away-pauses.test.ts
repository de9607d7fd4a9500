import { expect } from 'chai';
import fc from 'fast-check';
import { delayBefore, pauseWhileAway } from '../../../../src/dashboard/api/away-pauses.js';

describe('the pauses between requests to a master that is away', () => {
  it('begin short and grow, to a minute at most', () => {
    expect([0, 60_000, 300_000, 86_400_000].map(pauseWhileAway)).to.deep.equal([0, 6_000, 30_000, 60_000]);
    fc.assert(
      fc.property(fc.nat(1e9), fc.nat(1e9), (one, more) => {
        expect(pauseWhileAway(one)).to.be.at.most(pauseWhileAway(one + more));
      }),
    );
  });

  it('of the event stream are ten seconds at most for some minutes, and then a minute', () => {
    expect([0, 1, 2, 10, 19, 20, 1000].map((attempt) => delayBefore(attempt, 1))).to.deep.equal([
      500, 1_000, 2_000, 10_000, 10_000, 60_000, 60_000,
    ]);
    fc.assert(
      fc.property(fc.nat(2000), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
        expect(delayBefore(attempt, random)).to.be.within(250, 60_000);
      }),
    );
  });
});
