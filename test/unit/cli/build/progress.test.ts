import { expect } from 'chai';
import fc from 'fast-check';
import { duration, fitLine, progressText } from '../../../../src/cli/build/progress.js';
import type { Build } from '../../../../src/protocol/build.js';
import { toId } from '../../../../src/protocol/ids.js';
import { noFacts } from '../../../../src/protocol/result-facts.js';

const running: Build = {
  id: toId.build(7),
  status: 'BUILDING',
  state: 'BUILDING',
  state_timestamps: {},
  result: null,
  details: '1 of 4 subjobs are complete (25.0%).',
  num_atoms: 10,
  atom_variables: ['T'],
  num_subjobs: 4,
  num_atoms_done: 3,
  num_atoms_failed: 1,
  num_atoms_lost: 0,
  num_atoms_flaky: 0,
  ...noFacts,
  flaky_atoms: null,
  interrupted_atoms: null,
  num_executors: 2,
  seconds_left: 12,
  failed_atoms: null,
  artifacts: null,
  error_message: null,
  revision: null,
  request_params: { type: 'directory' },
};

describe('progress', () => {
  it('says what is done, what failed, who works and how long it will take', () => {
    expect(progressText(running, 65)).to.equal(
      'Build 7: running, 3/10 done, 1 failed, 2 executors busy, 1 min 05 s, about 12 s left',
    );
  });

  it('says that it waits for a slave, and no numbers that are not known yet', () => {
    const queued: Build = { ...running, state: 'QUEUED', num_atoms: null, seconds_left: null };
    expect(progressText(queued, 0.2)).to.equal('Build 7: waiting for a slave, 0.2 s');
  });

  it('never wraps on the terminal', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 2, max: 300 }), (text, columns) => {
        expect(fitLine(text, columns).length).to.be.below(columns);
      }),
    );
  });

  it('writes times as people do', () => {
    expect([0.04, 9.94, 10.4, 59.6, 3599, 7500].map(duration)).to.deep.equal([
      '0.0 s',
      '9.9 s',
      '10 s',
      '1 min 00 s',
      '59 min 59 s',
      '2 h 05 min',
    ]);
  });
});
