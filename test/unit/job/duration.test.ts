import { expect } from 'chai';
import fc from 'fast-check';
import { durationSeconds } from '../../../src/job/duration.js';

describe('a duration of a job', () => {
  it('is seconds as a number, and as text with a unit', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.constantFrom(['s', 1], ['m', 60], ['h', 3600]), (n, [unit, factor]) => {
        expect(durationSeconds(n)).to.equal(n);
        expect(durationSeconds(`${n}${unit}`)).to.equal(n * Number(factor));
      }),
    );
    expect(durationSeconds('1.5m')).to.equal(90);
  });

  it('throws for anything else, which is a bug of the caller', () => {
    expect(() => durationSeconds('soon')).to.throw('"soon" is not a duration');
  });
});
