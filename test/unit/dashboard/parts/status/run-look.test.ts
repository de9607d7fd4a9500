import { expect } from 'chai';
import { lookOfRun } from '../../../../../src/dashboard/parts/status/run-look.js';
import { atomRuns } from '../../../../support/job-history.js';

describe('the runs of an atom', () => {
  it('differ in signs and words', () => {
    const looks = atomRuns('.~FL').map(lookOfRun);
    expect(looks.map(({ sign, word }) => `${sign} ${word}`)).to.deep.equal([
      '✓ passed',
      '~ flaky',
      '✗ failed',
      '? lost',
    ]);
  });
});
