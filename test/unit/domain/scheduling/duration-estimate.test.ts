import { expect } from 'chai';
import { expectationOf, sumOf, unknown } from '../../../../src/domain/scheduling/duration-estimate.js';

describe('what is expected', () => {
  it('of an atom that many builds have run is their mean and deviation', () => {
    expect(expectationOf({ seconds: 10, variance: 9, count: 20 })).to.deep.equal({
      expected: 10,
      deviation: 3,
    });
    expect(expectationOf({ seconds: 10, variance: 0, count: 20 })).to.deep.equal({
      expected: 10,
      deviation: 0,
    });
  });

  it('of an atom that few have run may be off by a fifth at least', () => {
    expect(expectationOf({ seconds: 10, variance: 0, count: 1 })).to.deep.equal({
      expected: 10,
      deviation: 2,
    });
    expect(expectationOf({ seconds: 10, variance: 25, count: 3 }).deviation).to.equal(5);
  });

  it('of atoms in a row is less uncertain than the sum of what each may be off', () => {
    const sum = sumOf([
      { expected: 5, deviation: 3 },
      { expected: 6, deviation: 4 },
    ]);
    expect(sum).to.deep.equal({ expected: 11, deviation: 5 });
  });

  it('is nothing as soon as nothing is known of one of them', () => {
    expect(expectationOf(null)).to.deep.equal(unknown);
    expect(sumOf([{ expected: 5, deviation: 3 }, unknown])).to.deep.equal(unknown);
  });
});
