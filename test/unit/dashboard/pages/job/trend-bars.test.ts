import { expect } from 'chai';
import fc from 'fast-check';
import {
  barAfterKey,
  barsOfBuilds,
  barsOfRuns,
  scaleOf,
} from '../../../../../src/dashboard/pages/job/trend-bars.js';
import { atomRuns, jobBuild } from '../../../../support/job-history.js';

describe('the bars of builds', () => {
  it('are in the order of time, without partial builds', () => {
    const bars = barsOfBuilds([jobBuild(3), jobBuild(2, { is_partial: true }), jobBuild(1)]);
    expect(bars.map(({ key }) => key)).to.deep.equal([1, 3]);
  });

  it('lead to their builds, and say everything in words', () => {
    const [bar] = barsOfBuilds([
      jobBuild(7, { result: 'FAILURE', num_atoms_failed: 2, num_atoms_flaky: 1, seconds: 65 }),
    ]);
    expect(bar?.path).to.equal('/ui/build/7');
    expect(bar?.text).to.equal('Build 7 failed: 2 of 20 atoms failed, 1 flaky, 1 min 05 s, main');
  });

  it('have the beginning of a long branch', () => {
    const [bar] = barsOfBuilds([jobBuild(7, { branch: 'long'.repeat(1000) })]);
    expect(bar?.text.length).to.be.below(100);
  });

  it('lead nowhere when the build is deleted', () => {
    const [bar] = barsOfBuilds([jobBuild(7, { retained: false, state: 'CANCELED', branch: null })]);
    expect(bar?.path).to.equal(null);
    expect(bar?.text).to.equal('Build 7 canceled: 1 min 35 s, deleted');
  });
});

describe('the bars of runs', () => {
  it('lead to the atom in each build', () => {
    expect(barsOfRuns(atomRuns('.~')).map(({ path, text }) => `${path} ${text}`)).to.deep.equal([
      '/ui/build/1/atom/3 passed in build 1: 1.0 s',
      '/ui/build/2/atom/3 flaky in build 2: 2.0 s',
    ]);
  });
});

describe('the scale of a trend', () => {
  it('reaches to the longest duration, and shows each bar', () => {
    expect(scaleOf([{ seconds: 50 }, { seconds: 100 }, { seconds: null }])).to.deep.equal({
      top: 100,
      heights: [50, 100, 3],
    });
    expect(scaleOf([{ seconds: 0 }])).to.deep.equal({ top: 0, heights: [3] });
  });
});

describe('a key in a trend', () => {
  it('leads to the bars beside, and to the ends', () => {
    expect(barAfterKey('ArrowLeft', 3, 5)).to.equal(2);
    expect(barAfterKey('ArrowRight', 3, 5)).to.equal(4);
    expect(barAfterKey('Home', 3, 5)).to.equal(0);
    expect(barAfterKey('End', 3, 5)).to.equal(4);
    expect(barAfterKey('Enter', 3, 5)).to.equal(null);
  });

  it('never leads beyond the ends', () => {
    const keys = fc.constantFrom('ArrowLeft', 'ArrowRight', 'Home', 'End');
    fc.assert(
      fc.property(keys, fc.nat(99), (key, from) => {
        expect(barAfterKey(key, from, 100)).to.be.within(0, 99);
      }),
    );
  });
});
