import { expect } from 'chai';
import fc from 'fast-check';
import type { AtomRun, RunKind } from '../../../../src/domain/history/atom-runs.js';
import {
  failingSince,
  flakinessOf,
  quantile,
  typicalSeconds,
} from '../../../../src/domain/history/atom-scores.js';

/** Runs in builds 1, 2, …: `P` passed, `F` failed, `R` passed when it was run again, `L` lost; separated by blanks. */
function runsOf(letters: string): AtomRun[] {
  const kinds: Record<string, RunKind> = { P: 'PASSED', F: 'FAILED', R: 'FLAKY', L: 'LOST' };
  return letters.split(' ').map((letter, at) => ({
    build: at + 1,
    atom: 0,
    kind: kinds[letter] ?? 'LOST',
    seconds: at + 1,
    minute: at,
  }));
}

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
    expect(flakinessOf(runsOf('P P F P'), same)).to.equal(0.25);
    expect(flakinessOf(runsOf('P P R P'), each)).to.equal(0.25);
    expect(flakinessOf(runsOf('F F F R'), same)).to.equal(1);
    expect(flakinessOf(runsOf('F P P P'), (build) => (build < 3 ? 'a' : 'b'))).to.equal(0.25);
  });

  it('is 0 for an atom that always fails, or fails with some commits only', () => {
    expect(flakinessOf(runsOf('F F F F'), same)).to.equal(0);
    expect(flakinessOf(runsOf('P F F P'), each)).to.equal(0);
    expect(flakinessOf([], same)).to.equal(0);
  });

  it('takes builds of unknown code for builds of different code', () => {
    expect(flakinessOf(runsOf('P F P F'), () => null)).to.equal(0);
    expect(flakinessOf(runsOf('P F R F'), () => null)).to.equal(0.25);
  });

  it('is between 0 and 1, and lost atoms never change it', () => {
    const letters = fc
      .array(fc.constantFrom('P', 'F', 'R', 'L'), { minLength: 1, maxLength: 50 })
      .map((list) => list.join(' '));
    const codes = fc.func(fc.option(fc.constantFrom('a', 'b', 'c')));
    fc.assert(
      fc.property(letters, codes, (text, codeOf) => {
        const runs = runsOf(text);
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
    expect(failingSince(runsOf('P F P F F'), null)).to.deep.equal({ build: 4, minute: 3 });
    expect(failingSince(runsOf('F F'), null)?.build).to.equal(1);
    expect(failingSince(runsOf('R F'), null)?.build).to.equal(2);
  });

  it('is none when it passed last, and is not changed by lost atoms', () => {
    expect(failingSince(runsOf('F F P'), { build: 1, minute: 0 })).to.equal(null);
    expect(failingSince(runsOf('F F P L'), null)).to.equal(null);
    expect(failingSince(runsOf('P L F'), null)?.build).to.equal(3);
    expect(failingSince(runsOf('L L'), null)).to.equal(null);
  });
});

describe('the typical durations of an atom', () => {
  it('are those of the runs that passed, or of all when none has', () => {
    expect(typicalSeconds(runsOf('P F R'))).to.deep.equal([1, 3]);
    expect(typicalSeconds(runsOf('F F'))).to.deep.equal([1, 2]);
  });
});
