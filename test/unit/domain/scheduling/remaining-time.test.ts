import { expect } from 'chai';
import { nothingEnded, RemainingTimeEstimator } from '../../../../src/domain/scheduling/remaining-time.js';

const part = (atoms: number, expected: number | null = null) => ({ atoms, expected, stdDev: 0 });

describe('the estimate of the remaining time for people', () => {
  it('is a guess as soon as three atoms have ended, even if no subjob has', () => {
    const estimator = new RemainingTimeEstimator();
    estimator.reset([part(5), part(5)], false);
    expect(estimator.restAfter({ seconds: 4, atoms: 2 })).to.equal(null);
    expect(estimator.restAfter({ seconds: 6, atoms: 3 })).to.equal(14);
    expect(estimator.secondsOfRest, 'decisions wait for more').to.equal(null);
  });

  it('counts atoms that have ended in subjobs that are done and in those that are not', () => {
    const estimator = new RemainingTimeEstimator();
    estimator.reset([part(5), part(5)], false);
    estimator.end(part(5), 10);
    expect(estimator.restAfter({ seconds: 5, atoms: 1 })).to.equal((4 * 15) / 6);
  });

  it('with history is the expected time minus that of ended atoms, and never negative', () => {
    const estimator = new RemainingTimeEstimator();
    estimator.reset([part(5, 20), part(5, 30)], false);
    expect(estimator.restAfter(nothingEnded)).to.equal(50);
    expect(estimator.restAfter({ seconds: 12, atoms: 2 })).to.equal(38);
    expect(estimator.restAfter({ seconds: 80, atoms: 9 })).to.equal(0);
  });
});
