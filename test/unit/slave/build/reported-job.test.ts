import { expect } from 'chai';
import { reportedJob } from '../../../../src/slave/build/reported-job.js';

const job = { name: 'Unit', definition: { commands: ['make'], atomizers: [{ X: 'ls' }], retries: 2 } };
const withWorker = { ...job, definition: { ...job.definition, worker: ['exec ./worker'], recycle_after: 9 } };

describe('the job that a slave reports', () => {
  it('has its worker for a master that takes workers', () => {
    expect(reportedJob(withWorker, { takes: ['times', 'workers'] })).to.deep.equal(withWorker);
  });

  it('has no worker for an older master, which would refuse it', () => {
    expect(reportedJob(withWorker, {})).to.deep.equal(job);
    expect(reportedJob(withWorker, { takes: ['times'] })).to.deep.equal(job);
  });

  it('is the same for every master without a worker', () => {
    expect(reportedJob(job, {})).to.deep.equal(job);
  });
});
