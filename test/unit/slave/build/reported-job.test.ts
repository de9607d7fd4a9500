import { expect } from 'chai';
import { atomsFileLine } from '../../../../src/job/atoms-file-line.js';
import type { NamedJob } from '../../../../src/protocol/build/job.js';
import { reportedJob } from '../../../../src/slave/build/reported-job.js';

const job = { name: 'Unit', definition: { commands: ['make'], atomizers: [{ X: 'ls' }], retries: 2 } };
const withWorker = { ...job, definition: { ...job.definition, worker: ['exec ./worker'], recycle_after: 9 } };
const withBatch: NamedJob = {
  ...job,
  definition: { ...job.definition, batch: { size: 20, match: 'file' } },
};

describe('the job that a slave reports', () => {
  it('has its worker for a master that takes workers', () => {
    expect(reportedJob(withWorker, { takes: ['times', 'workers'] })).to.deep.equal(withWorker);
  });

  it('has no worker for an older master, which would refuse it', () => {
    expect(reportedJob(withWorker, {})).to.deep.equal(job);
    expect(reportedJob(withWorker, { takes: ['times'] })).to.deep.equal(job);
  });

  it('has its batches for a master that takes batches, and commands that make $ATOMS_FILE where nothing else does', () => {
    const { definition } = reportedJob(withBatch, { takes: ['batches'] });
    expect(definition).to.deep.equal({
      ...withBatch.definition,
      commands: [atomsFileLine(job.definition), 'make'],
    });
  });

  it('has no batches for an older master, and the same commands', () => {
    expect(reportedJob(withBatch, { takes: ['workers'] }).definition).to.deep.equal({
      ...job.definition,
      commands: [atomsFileLine(job.definition), 'make'],
    });
  });

  it('is the same when it was reported before', () => {
    const once = reportedJob(withBatch, { takes: ['batches'] });
    expect(reportedJob(once, { takes: ['batches'] })).to.deep.equal(once);
  });

  it('is the same for every master without a worker', () => {
    expect(reportedJob(job, {})).to.deep.equal(job);
  });
});
