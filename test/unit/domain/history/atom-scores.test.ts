import { expect } from 'chai';
import fc from 'fast-check';
import {
  failingSince,
  flakinessOf,
  quantile,
  typicalSeconds,
} from '../../../../src/domain/history/atom-scores.js';
import { runsOfLetters } from '../../../support/runs-of-letters.js';

const each = (build: number) => `commit of ${build}`;
const same = () => 'one commit';

describe('a quantile', () => {
  it('is one of the values, with at least that part of them not above it', () => {
    const values = fc.array(fc.double({ noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (list, part) => {
        const value = quantile(list, part) ?? Number.NaN;
        expect(list).to.include(value);
        expect(list.filter((one) => one <= value).length / list.length).to.be.at.least(part - 1e-9);
        expect(list.filter((one) => one < value).length / list.length).to.be.below(part);
      }),
    );
    expect(quantile([], 0.5)).to.equal(null);
  });
});

describe('flakiness', () => {
  it('is the part of the runs that failed although the same code passed', () => {
    expect(flakinessOf(runsOfLetters('P P F P'), same)).to.equal(0.25);
    expect(flakinessOf(runsOfLetters('P P R P'), each)).to.equal(0.25);
    expect(flakinessOf(runsOfLetters('F F F R'), same)).to.equal(1);
    expect(flakinessOf(runsOfLetters('F P P P'), (build) => (build < 3 ? 'a' : 'b'))).to.equal(0.25);
  });

  it('is 0 for an atom that always fails, or fails with some commits only', () => {
    expect(flakinessOf(runsOfLetters('F F F F'), same)).to.equal(0);
    expect(flakinessOf(runsOfLetters('P F F P'), each)).to.equal(0);
    expect(flakinessOf([], same)).to.equal(0);
  });

  it('takes builds of unknown code for builds of different code', () => {
    expect(flakinessOf(runsOfLetters('P F P F'), () => null)).to.equal(0);
    expect(flakinessOf(runsOfLetters('P F R F'), () => null)).to.equal(0.25);
  });

  it('is between 0 and 1, and lost atoms never change it', () => {
    const letters = fc
      .array(fc.constantFrom('P', 'F', 'R', 'L'), { minLength: 1, maxLength: 50 })
      .map((list) => list.join(' '));
    const codes = fc.func(fc.option(fc.constantFrom('a', 'b', 'c')));
    fc.assert(
      fc.property(letters, codes, (text, codeOf) => {
        const runs = runsOfLetters(text);
        const score = flakinessOf(runs, codeOf);
        expect(score).to.be.within(0, 1);
        const counted = runs.filter(({ kind }) => kind !== 'LOST');
        expect(flakinessOf(counted, codeOf)).to.equal(score);
      }),
    );
  });
});

describe('the build since which an atom fails', () => {
  it('is the first one after its last pass', () => {
    expect(failingSince(runsOfLetters('P F P F F'), null)).to.deep.equal({ build: 4, minute: 3 });
    expect(failingSince(runsOfLetters('F F'), null)?.build).to.equal(1);
    expect(failingSince(runsOfLetters('R F'), null)?.build).to.equal(2);
  });

  it('is none when it passed last, and is not changed by lost atoms', () => {
    expect(failingSince(runsOfLetters('F F P'), { build: 1, minute: 0 })).to.equal(null);
    expect(failingSince(runsOfLetters('F F P L'), null)).to.equal(null);
    expect(failingSince(runsOfLetters('P L F'), null)?.build).to.equal(3);
    expect(failingSince(runsOfLetters('L L'), null)).to.equal(null);
  });
});

describe('the typical durations of an atom', () => {
  it('are those of the runs that passed, or of all when none has', () => {
    expect(typicalSeconds(runsOfLetters('P F R'))).to.deep.equal([1, 3]);
    expect(typicalSeconds(runsOfLetters('F F'))).to.deep.equal([1, 2]);
  });
});
