import { expect } from 'chai';
import {
  estimateFromHistory,
  noEstimate,
  sumOf,
} from '../../../../src/domain/scheduling/duration-estimate.js';

describe('the estimate of a duration', () => {
  it('of an atom that many builds have run is their mean and standard deviation', () => {
    expect(estimateFromHistory({ seconds: 10, variance: 9, count: 20 })).to.deep.equal({
      expected: 10,
      stdDev: 3,
    });
    expect(estimateFromHistory({ seconds: 10, variance: 0, count: 20 })).to.deep.equal({
      expected: 10,
      stdDev: 0,
    });
  });

  it('of an atom that few builds have run has a standard deviation of a fifth at least', () => {
    expect(estimateFromHistory({ seconds: 10, variance: 0, count: 1 })).to.deep.equal({
      expected: 10,
      stdDev: 2,
    });
    expect(estimateFromHistory({ seconds: 10, variance: 25, count: 3 }).stdDev).to.equal(5);
  });

  it('of several atoms has a smaller standard deviation than their sum', () => {
    const sum = sumOf([
      { expected: 5, stdDev: 3 },
      { expected: 6, stdDev: 4 },
    ]);
    expect(sum).to.deep.equal({ expected: 11, stdDev: 5 });
  });

  it('of several atoms is null as soon as one of them has none', () => {
    expect(estimateFromHistory(null)).to.deep.equal(noEstimate);
    expect(sumOf([{ expected: 5, stdDev: 3 }, noEstimate])).to.deep.equal(noEstimate);
  });
});
