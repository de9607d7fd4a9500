import { expect } from 'chai';
import fc from 'fast-check';
import {
  barIn,
  sameBar,
  stepTo,
} from '../../../../../../src/dashboard/pages/build/timeline/drawing/bar-steps.js';
import { anyRow, bar, row } from '../../../../../support/timeline-samples.js';

const rows = [
  row([bar(0, 10, 'passed', 1), bar(10, 20, 'passed', 2)]),
  row([], 1),
  row([bar(12, 40, 'passed', 3)], 2),
];

describe('a step from bar to bar', () => {
  it('goes to the neighbors in the row, and to its ends', () => {
    expect(stepTo(rows, { row: 0, place: 0 }, 'ArrowRight')).to.deep.equal({ row: 0, place: 1 });
    expect(stepTo(rows, { row: 0, place: 1 }, 'ArrowRight')).to.equal(null);
    expect(stepTo(rows, { row: 0, place: 0 }, 'ArrowLeft')).to.equal(null);
    expect(stepTo(rows, { row: 0, place: 0 }, 'End')).to.deep.equal({ row: 0, place: 1 });
    expect(stepTo(rows, { row: 0, place: 0 }, 'x')).to.equal(null);
  });

  it('goes up and down to the bar that is nearest in time', () => {
    const two = [rows[0] ?? row([]), rows[2] ?? row([])];
    expect(stepTo(two, { row: 0, place: 0 }, 'ArrowDown')).to.deep.equal({ row: 1, place: 0 });
    expect(stepTo(two, { row: 1, place: 0 }, 'ArrowUp')).to.deep.equal({ row: 0, place: 1 });
    expect(stepTo(two, { row: 1, place: 0 }, 'ArrowDown')).to.equal(null);
  });

  it('always leads to a bar', () => {
    const keys = fc.constantFrom('ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End');
    fc.assert(
      fc.property(fc.array(anyRow, { maxLength: 5 }), fc.nat(4), fc.nat(80), keys, (all, at, place, key) => {
        const next = stepTo(all, { row: at, place }, key);
        expect(
          next === null || barIn(all, next) !== null || barIn(all, { row: at, place }) === null,
        ).to.equal(true);
      }),
    );
  });

  it('is kept when the bar has ended and others have come', () => {
    const before = [row([bar(5, Number.POSITIVE_INFINITY, 'in_progress', 9)], 3)];
    const after = [row([bar(0, 1)], 1), row([bar(2, 4, 'passed', 8), bar(5, 30, 'failed', 9)], 3)];
    expect(sameBar(before, { row: 0, place: 0 }, after)).to.deep.equal({ row: 1, place: 1 });
    expect(sameBar(before, { row: 0, place: 0 }, [])).to.equal(null);
  });
});
