import { expect } from 'chai';
import fc from 'fast-check';
import {
  besideReport,
  filteredPlaces,
  type reportOrders,
  rowAt,
} from '../../../../src/dashboard/report/report-rows.js';
import type { AtomOutcome } from '../../../../src/protocol/build/work.js';

const outcomes: readonly (AtomOutcome | null)[] = ['PASSED', 'FAILED', null, 'PASSED', 'LOST', 'INTERRUPTED'];
const atoms = {
  ids: [0, 1, 2, 3, 4, 5],
  names: ['beta', 'Alpha', 'gamma', 'delta', 'eps', 'zeta'],
  outcomes,
  exit_codes: [0, 1, null, 0, null, null],
  seconds: [1, 5, null, 3, null, 2],
  slaves: [0, 1, -1, 0, -1, 1],
  slave_names: ['s1', 's2'],
  subjobs: [7, 7, 8, 8, 9, 9],
  retries: [0, 0, 0, 1, 0, 0],
};
const all = { text: '', outcome: null, order: 'failed first' } as const;

describe('the atoms of a report', () => {
  it('begin with those that failed, were lost, interrupted, did not run, and were flaky', () => {
    expect(filteredPlaces(atoms, all)).to.deep.equal([1, 4, 5, 2, 3, 0]);
  });

  it('are ordered by number, duration and name', () => {
    const ordered = (order: (typeof reportOrders)[number]) => filteredPlaces(atoms, { ...all, order });
    expect(ordered('number')).to.deep.equal([0, 1, 2, 3, 4, 5]);
    expect(ordered('longest first')).to.deep.equal([1, 3, 5, 0, 2, 4]);
    expect(ordered('name')).to.deep.equal([1, 0, 3, 4, 2, 5]);
  });

  it('are filtered by text in any case, and by outcome', () => {
    expect(filteredPlaces(atoms, { ...all, text: 'ALPH' })).to.deep.equal([1]);
    expect(filteredPlaces(atoms, { ...all, outcome: 'FLAKY' })).to.deep.equal([3]);
    expect(filteredPlaces(atoms, { ...all, outcome: 'PASSED', order: 'number' })).to.deep.equal([0, 3]);
  });

  it('have their folder and slave', () => {
    expect(rowAt(atoms, 3)).to.deep.equal({
      id: 3,
      name: 'delta',
      outcome: 'PASSED',
      exitCode: 0,
      seconds: 3,
      slave: 's1',
      folder: 'artifact_8_3',
      isFlaky: true,
    });
    expect(rowAt(atoms, 2).slave).to.equal(null);
  });

  it('link to files beside the report, whatever their names', () => {
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
