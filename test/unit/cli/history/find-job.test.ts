import { expect } from 'chai';
import { chosenJobs, unknownJobMessage } from '../../../../src/cli/history/find-job.js';
import type { Job } from '../../../../src/protocol/build/history.js';
import { toId } from '../../../../src/protocol/ids.js';

function job(id: number, name: string): Job {
  return {
    id: toId.job(id),
    project: `p${id}`,
    name,
    atom_variables: [],
    num_builds: 1,
    num_atoms: 1,
    pass_rate: null,
    p50_seconds: null,
    p95_seconds: null,
    last_build: null,
  };
}
const jobs = [job(1, 'Unit'), job(2, 'Browser'), job(3, 'Unit'), job(4, '2'), job(1, 'Unit')];

describe('the job that a user names', () => {
  it('is known by its number', () => {
    expect(chosenJobs('3', jobs).map(({ id }) => id)).to.deep.equal([3]);
  });

  it('is known by its name, also when that is the number of another', () => {
    expect(chosenJobs('Browser', jobs).map(({ id }) => id)).to.deep.equal([2]);
    expect(chosenJobs('2', jobs).map(({ id }) => id)).to.deep.equal([4]);
  });

  it('is one of several when projects share the name', () => {
    expect(chosenJobs('Unit', jobs).map(({ id }) => id)).to.deep.equal([1, 3]);
  });

  it('is not known by a part of its name; then the message has similar names', () => {
    expect(chosenJobs('unit', jobs)).to.deep.equal([]);
    expect(unknownJobMessage('unit', jobs)).to.equal('The history has no job "unit"; did you mean "Unit"?');
    expect(unknownJobMessage('Lint', [job(9, 'Browser')])).to.equal(
      'The history has no job "Lint"; `clusterrunner history` lists its jobs.',
    );
  });
});
