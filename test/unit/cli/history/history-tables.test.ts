import { expect } from 'chai';
import {
  jobAtomsTable,
  jobBuildsTable,
  jobsTable,
  jobText,
  trendText,
} from '../../../../src/cli/history/history-tables.js';
import type { Job, JobBuild } from '../../../../src/protocol/build/history.js';
import { toId } from '../../../../src/protocol/ids.js';
import { jobAtom, jobBuild } from '../../../support/job-history.js';

const build = jobBuild(7, {
  result: 'FAILURE',
  num_atoms_failed: 2,
  num_atoms_flaky: 1,
  retry_seconds: 4,
  has_changes: true,
});
const job: Job = {
  id: toId.job(3),
  project: 'https://git.example/shop.git',
  name: 'Unit',
  atom_variables: ['TEST'],
  num_builds: 120,
  num_atoms: 20,
  pass_rate: 0.83,
  p50_seconds: 95,
  p95_seconds: 130,
  last_build: build,
};
const atom = jobAtom('.~F', {
  name: 'TEST=a=b.test',
  runs: 40,
  failures: 3,
  flakiness: 0.05,
  p50_seconds: 1.25,
  retry_seconds: 3,
  failing_since: { build_id: toId.build(6), at: 1_700_000_000 },
});

/** The cells of the first row by their headings. */
function cellsOf(text: string): Record<string, string | undefined> {
  const [heads, cells] = text.split('\n').map((line) => line.split(/ {2,}/));
  return Object.fromEntries((heads ?? []).map((head, column) => [head, cells?.[column]]));
}

describe('the table of jobs', () => {
  it('has the pass rate, the durations and the last build of each', () => {
    expect(cellsOf(jobsTable([job], 'UTC'))).to.deep.equal({
      NUMBER: '3',
      BUILDS: '120',
      PASSED: '83 %',
      MEDIAN: '1 min 35 s',
      '95 % WITHIN': '2 min 10 s',
      'LAST BUILD': '7',
      RESULT: 'FAILURE',
      ENDED: '2023-11-14 22:14',
      JOB: 'Unit',
      PROJECT: 'https://git.example/shop.git',
    });
  });

  it('has a dash for what is not known', () => {
    const fresh = { ...job, pass_rate: null, p50_seconds: null, p95_seconds: null, last_build: null };
    expect(cellsOf(jobsTable([fresh]))).to.include({
      PASSED: '-',
      MEDIAN: '-',
      'LAST BUILD': '-',
      ENDED: '-',
    });
    expect(jobText(job)).to.match(/, median 1 min 35 s, 95 % within 2 min 10 s\.$/);
    expect(jobText(fresh)).to.equal('Unit of https://git.example/shop.git (job 3): 120 builds.');
  });

  it('keeps each job on one line of bounded length, without control characters', () => {
    const hostile = { ...job, name: `\u001b[2J\nBad\u202e${'-'.repeat(500)}`, project: 'a\nb' };
    const lines = jobsTable([hostile]).split('\n');
    expect(lines).to.have.length(2);
    expect(lines[1]).to.match(/ Bad-+… {2}a b$/);
    expect(lines[1]?.length).to.be.below(300);
  });
});

describe('the table of the builds of a job', () => {
  it('has their results, failed and flaky atoms, durations and commits', () => {
    expect(cellsOf(jobBuildsTable([build], 'UTC'))).to.deep.equal({
      BUILD: '7',
      RESULT: 'FAILURE',
      ATOMS: '20/20',
      FAILED: '2',
      FLAKY: '1',
      ENDED: '2023-11-14 22:14',
      TOOK: '1 min 35 s',
      RETRIES: '4.0 s',
      BRANCH: 'main',
      COMMIT: '3f786850e387+',
      BY: 'ada@laptop',
    });
  });

  it('says which builds are deleted, partial, or could not run', () => {
    const other: JobBuild = { ...build, retained: false, state: 'ERROR', is_partial: true, num_atoms: null };
    expect(cellsOf(jobBuildsTable([other]))).to.include({
      BUILD: '7 (deleted)',
      RESULT: 'ERROR (partial)',
      ATOMS: '-',
    });
  });
});

describe('the trend of a job', () => {
  it('has marks and durations of the whole builds, oldest first', () => {
    const passed: JobBuild = { ...build, result: 'SUCCESS', seconds: 190 };
    const partial: JobBuild = { ...build, is_partial: true };
    expect(trendText([passed, partial, build]).split('\n')).to.deep.equal([
      'The newest 2 builds, oldest first:',
      '  F.  . passed, - had no atoms, F failed, E could not run, C canceled',
      '  ▄█  1 min 35 s to 3 min 10 s',
    ]);
  });

  it('is empty without whole builds', () => {
    expect(trendText([{ ...build, is_partial: true }])).to.equal('');
  });
});

describe('the table of the atoms of a job', () => {
  it('has their flakiness, failures, durations and newest verdicts', () => {
    expect(cellsOf(jobAtomsTable([atom], job))).to.deep.equal({
      FLAKINESS: '5 %',
      FAILED: '3',
      RUNS: '40',
      'FAILS SINCE': 'build 6',
      MEDIAN: '1.3 s',
      '95 % WITHIN': '2.0 s',
      RETRIES: '3.0 s',
      LAST: '.~F',
      ATOM: 'a=b.test',
    });
  });

  it('names the variable where the atoms of the job set several', () => {
    const several = { ...job, atom_variables: ['TEST', 'SPEC'] };
    expect(cellsOf(jobAtomsTable([atom], several)).ATOM).to.equal('TEST=a=b.test');
  });
});
