import { expect } from 'chai';
import { chosenList, lostSeconds } from '../../../../../src/dashboard/pages/job/job-lists.js';

describe('the list of a page of a job', () => {
  it('is the one that the address names', () => {
    expect(chosenList('builds', { num_atoms: 3, num_atoms_failing: 1, num_atoms_flaky: 1 }).list).to.equal(
      'builds',
    );
  });

  it('is otherwise the first with something to look at', () => {
    expect(chosenList(null, { num_atoms: 3, num_atoms_failing: 2, num_atoms_flaky: 1 }).list).to.equal(
      'failing',
    );
    expect(chosenList(null, { num_atoms: 3, num_atoms_failing: 0, num_atoms_flaky: 1 }).list).to.equal(
      'flaky',
    );
    expect(chosenList(null, { num_atoms: 3, num_atoms_failing: 0, num_atoms_flaky: 0 }).list).to.equal(
      'slowest',
    );
  });

  it('is that of the builds when no atom has run', () => {
    expect(chosenList(null, { num_atoms: 0, num_atoms_failing: 0, num_atoms_flaky: 0 }).list).to.equal(
      'builds',
    );
  });

  it('is that of the builds for a name that nothing has', () => {
    expect(chosenList('<b>', { num_atoms: 3, num_atoms_failing: 2, num_atoms_flaky: 1 }).list).to.equal(
      'builds',
    );
  });
});

describe('the time that was lost to retries', () => {
  it('is summed over the newest days', () => {
    const day = (date: string, retry_seconds: number) => ({
      day: date,
      num_builds: 1,
      num_passed: 1,
      num_failed: 0,
      num_canceled: 0,
      pass_rate: 1,
      p50_seconds: 1,
      p95_seconds: 1,
      retry_seconds,
    });
    const days = [day('2026-02-01', 100), day('2026-03-01', 10), day('2026-03-02', 5)];
    expect(lostSeconds(days, 7, Date.UTC(2026, 2, 3) / 1000)).to.equal(15);
  });
});
