import { expect } from 'chai';
import { barsOf, buildMarks, runMarks } from '../../../../src/cli/history/run-marks.js';

describe('marks of runs', () => {
  it('have another shape for each outcome, oldest first', () => {
    const runs = [
      { outcome: 'PASSED', flaky: false },
      { outcome: 'PASSED', flaky: true },
      { outcome: 'FAILED', flaky: false },
      { outcome: 'LOST', flaky: false },
    ] as const;
    expect(runMarks(runs, 10)).to.equal('.~FL');
    expect(runMarks(runs, 2), 'the newest ones').to.equal('FL');
  });
});

describe('marks of builds', () => {
  it('tell builds that failed from those that had no atoms, could not run or were canceled', () => {
    expect(
      buildMarks([
        { state: 'FINISHED', result: 'SUCCESS', num_atoms: 3 },
        { state: 'FINISHED', result: 'SUCCESS', num_atoms: 0 },
        { state: 'FINISHED', result: 'FAILURE', num_atoms: 3 },
        { state: 'ERROR', result: 'FAILURE', num_atoms: null },
        { state: 'CANCELED', result: 'FAILURE', num_atoms: 0 },
      ]),
    ).to.equal('.-FEC');
  });
});

describe('bars', () => {
  it('reach from nothing to the highest value', () => {
    expect(barsOf([0, 1, 4, 8])).to.equal('▁▁▄█');
  });

  it('are blank for unknown values, and low when all values are 0', () => {
    expect(barsOf([null, 2])).to.equal(' █');
    expect(barsOf([0, null])).to.equal('▁ ');
    expect(barsOf([])).to.equal('');
  });
});
