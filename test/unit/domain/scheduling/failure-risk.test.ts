import { expect } from 'chai';
import fc from 'fast-check';
import { flakinessOf } from '../../../../src/domain/history/atom-scores.js';
import { failureRisk } from '../../../../src/domain/scheduling/failure-risk.js';
import { runsOfLetters } from '../../../support/runs-of-letters.js';

const letters = fc.array(fc.constantFrom('P', 'F', 'R', 'L'), { minLength: 1, maxLength: 50 });
/** Each build has code of its own. */
const riskOf = (text: string) => {
  const runs = runsOfLetters(text);
  return failureRisk({ runs, flakiness: flakinessOf(runs, (build) => `commit ${build}`) });
};

describe('the risk of an atom', () => {
  it('is from 0 to 1, and 0 only without a failure', () => {
    fc.assert(
      fc.property(letters, (list) => {
        const risk = riskOf(list.join(' '));
        expect(risk).to.be.within(0, 1);
        expect(risk > 0).to.equal(list.includes('F'));
      }),
    );
  });

  it('rises with another failure, and falls with another pass', () => {
    fc.assert(
      fc.property(letters, (list) => {
        const [before, failed, passed] = ['', ' F', ' P'].map((more) => riskOf(list.join(' ') + more));
        expect(failed).to.be.at.least(before ?? 0);
        expect(passed).to.be.at.most(before ?? 1);
      }),
    );
  });

  it('is the larger, the more recent a failure is', () => {
    expect(riskOf('P P P F')).to.be.above(riskOf('P P F P')).and.to.be.above(0.2);
    expect(riskOf('P P F P')).to.be.above(riskOf('F P P P'));
    expect(riskOf('F F F F')).to.equal(1);
  });

  it('counts no failures of an atom that fails and passes with the same code', () => {
    const runs = runsOfLetters('P F P F P F');
    expect(failureRisk({ runs, flakiness: flakinessOf(runs, () => 'one commit') })).to.equal(0);
    expect(riskOf('P F P F P F')).to.be.above(0.3);
    expect(riskOf('P R P R P R')).to.equal(0);
  });

  it('does not depend on runs that were lost', () => {
    expect(riskOf('P F L L L')).to.equal(riskOf('P F'));
  });

  it('is small, but not 0, for an atom that no build has run', () => {
    expect(failureRisk(null)).to.be.within(0.02, 0.2);
  });
});
