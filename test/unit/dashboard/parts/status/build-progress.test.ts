import { expect } from 'chai';
import fc from 'fast-check';
import {
  atomsText,
  percentDone,
  progressShares,
  secondsOfBuild,
} from '../../../../../src/dashboard/parts/status/build-progress.js';

const counts = fc
  .record({ all: fc.nat(100_000), done: fc.nat(100_000), failed: fc.nat(100_000), flaky: fc.nat(100) })
  .map(({ all, done, failed, flaky }) => ({
    num_atoms: all,
    num_atoms_done: Math.min(done, all),
    num_atoms_failed: Math.min(failed, done, all),
    num_atoms_flaky: flaky,
    num_atoms_cached: 0,
  }));
const none = {
  status: 'BUILDING' as const,
  num_atoms: null,
  num_atoms_done: 0,
  num_atoms_failed: 0,
  num_atoms_flaky: 0,
  num_atoms_cached: 0,
};

describe('the progress of a build', () => {
  it('has parts that fit into the whole', () => {
    fc.assert(
      fc.property(counts, (build) => {
        const { passed, failed } = progressShares(build);
        expect(passed).to.be.at.least(0);
        expect(failed).to.be.at.least(0);
        expect(passed + failed).to.be.at.most(100.000_001);
      }),
    );
  });

  it('is complete in percent with the last verdict, and not before', () => {
    fc.assert(
      fc.property(counts, (build) => {
        const isDone = build.num_atoms_done === build.num_atoms;
        expect(percentDone(build) === 100).to.equal(isDone && build.num_atoms > 0);
      }),
    );
    expect(percentDone({ ...none, num_atoms: 1000, num_atoms_done: 999 })).to.equal(99);
  });

  it('is unknown before the atoms are', () => {
    expect(percentDone(none)).to.equal(null);
    expect(progressShares(none)).to.deep.equal({ passed: 0, failed: 0 });
    expect(atomsText(none)).to.equal('its atoms are not known yet');
    expect(atomsText({ ...none, status: 'FAILURE' })).to.equal('it ended before its atoms were listed');
  });

  it('is a text with its failures, flaky and cached atoms', () => {
    const build = { ...none, num_atoms: 12_000, num_atoms_done: 45, num_atoms_failed: 3, num_atoms_flaky: 1 };
    expect(atomsText(build)).to.equal('45 of 12,000 atoms, 3 failed, 1 flaky');
    expect(atomsText({ ...build, num_atoms_cached: 40 })).to.equal(
      '45 of 12,000 atoms, 3 failed, 1 flaky, 40 cached',
    );
    expect(atomsText({ ...none, num_atoms: 1, num_atoms_done: 1 })).to.equal('1 atom');
  });

  it('takes time from the request to the end, or until now', () => {
    expect(
      secondsOfBuild({ state_timestamps: { QUEUED: 100, FINISHED: 160, canceled: null } }, 999),
    ).to.equal(60);
    expect(secondsOfBuild({ state_timestamps: { QUEUED: 100, FINISHED: null } }, 130)).to.equal(30);
    expect(secondsOfBuild({ state_timestamps: { QUEUED: 100 } }, 90)).to.equal(0);
  });
});
