import { expect } from 'chai';
import fc from 'fast-check';
import { besideReport, ListedAtoms } from '../../../../src/dashboard/report/listed-atoms.js';
import { frontCoded } from '../../../../src/lib/text/front-coding.js';

const atoms = new ListedAtoms({
  names: frontCoded(['beta', 'Alpha', 'gamma', 'delta', 'eps', 'zeta']),
  ids: [1, 1, 1, 1, 1, 5],
  subjobs: [7, 0, 1, 0, 1, -2],
  outcomes: 'PFnPlI',
  times: [100, 550, -1, 300, -1, 200],
  slaves: [0, 1, -1, 0, -1, 1],
  slave_names: ['s1', 's2'],
  exit_codes: [[1, 139]],
  retries: [
    [1, 2],
    [3, 1],
  ],
});

describe('the atoms of a report', () => {
  it('have the facts of the build', () => {
    expect(atoms.atom(1)).to.deep.equal({
      id: 1,
      label: 'Alpha',
      href: 'artifact_7_1/clusterrunner_console_output',
      state: 'COMPLETED',
      outcome: 'FAILED',
      exit_code: 139,
      actual_time: 5.5,
      num_retries: 2,
      slave: 's2',
      error: null,
      folder: 'artifact_7_1',
      cached_from: null,
    });
    expect(atoms.atom(2)).to.include({ state: 'NOT_RUN', outcome: null, actual_time: null, slave: null });
    expect(atoms.atom(3)).to.include({ outcome: 'PASSED', exit_code: 0 });
    expect(atoms.atom(5)).to.include({ id: 9, href: 'artifact_7_9/clusterrunner_console_output' });
  });

  it('have no link when their folder is not beside the report', () => {
    for (const place of [2, 4]) {
      expect(atoms.atom(place)).to.include({ href: null, folder: null });
    }
  });

  it('begin with those that failed, were lost, interrupted, did not run, and were flaky', () => {
    expect(atoms.search({ sort: 'failed_first' })).to.deep.equal([1, 4, 5, 2, 3, 0]);
  });

  it('are ordered by id, duration and name', () => {
    expect(atoms.search({})).to.deep.equal([0, 1, 2, 3, 4, 5]);
    expect(atoms.search({ sort: '-duration' })).to.deep.equal([1, 3, 5, 0, 2, 4]);
    expect(atoms.search({ sort: 'name' })).to.deep.equal([1, 0, 3, 4, 2, 5]);
  });

  it('are found by text in any case, by state and by slave', () => {
    expect(atoms.search({ q: 'ALPHA' })).to.deep.equal([1]);
    expect(atoms.search({ state: 'failed,lost' })).to.deep.equal([1, 4]);
    expect(atoms.search({ state: 'passed' })).to.deep.equal([0, 3]);
    expect(atoms.search({ state: 'flaky' })).to.deep.equal([3]);
    expect(atoms.search({ state: 'not_started' })).to.deep.equal([2]);
    expect(atoms.search({ slave: 's2' })).to.deep.equal([1, 5]);
  });

  it('say which ones took longest, and which ones ran again in vain', () => {
    expect(atoms.slowest(3)).to.deep.equal([1, 3, 5]);
    expect(atoms.slowest(9)).to.have.length(4);
    expect(atoms.retriedInVain()).to.deep.equal([1]);
    expect(atoms.time).to.equal(1150);
  });
});

describe('a cached atom of a report', () => {
  it('has passed, and has no folder', () => {
    const cached = new ListedAtoms({
      names: frontCoded(['a.js']),
      ids: [1],
      subjobs: [0],
      outcomes: 'c',
      times: [-1],
      slaves: [-1],
      slave_names: [],
      exit_codes: [],
      retries: [],
    });
    expect(cached.atom(0)).to.deep.include({ outcome: 'PASSED', exit_code: 0, href: null, cached_from: {} });
    expect(cached.search({ state: 'passed' })).to.deep.equal([0]);
  });
});

describe('a link beside a report', () => {
  it('leads to a file of any name', () => {
    const base = 'file:///results/';
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (name) => {
        fc.pre(!['.', '..'].includes(name) && !name.includes('/'));
        const { href } = new URL(besideReport('artifact_1_2', `sub/${name}`), base);
        expect(decodeURIComponent(href.slice(base.length))).to.equal(`artifact_1_2/sub/${name}`);
      }),
    );
  });
});
