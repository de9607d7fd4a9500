import { expect } from 'chai';
import fc from 'fast-check';
import { rowAt, rowPlaces } from '../../../../../../src/dashboard/pages/build/timeline/drawing/row-places.js';

const rowsOf = (slaves: readonly number[]) =>
  slaves.flatMap((executors, slave) =>
    Array.from({ length: executors }, () => ({ slave: `slave-${slave}` })),
  );
const anyCluster = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 30 });

describe('the places of rows', () => {
  it('are below each other without overlapping, in one group for each slave', () => {
    fc.assert(
      fc.property(anyCluster, (slaves) => {
        const { tops, rowHeight, groups, height } = rowPlaces(rowsOf(slaves));
        expect(groups).to.have.length(slaves.length);
        expect(tops.every((top, row) => row === 0 || top >= (tops[row - 1] ?? 0) + rowHeight)).to.equal(true);
        for (const [at, group] of groups.entries()) {
          expect(group.bottom - group.top, 'room for the name').to.be.at.least(14);
          expect(group.top).to.be.at.least(groups[at - 1]?.bottom ?? 0);
          expect(group.bottom).to.be.at.most(height);
        }
      }),
    );
  });

  it('are found by their heights', () => {
    fc.assert(
      fc.property(anyCluster, (slaves) => {
        const places = rowPlaces(rowsOf(slaves));
        for (const [row, top] of places.tops.entries()) {
          expect(rowAt(places, top)).to.equal(row);
          expect(rowAt(places, top + places.rowHeight - 1)).to.equal(row);
        }
        expect(rowAt(places, -1)).to.equal(null);
      }),
    );
  });

  it('are lower where there are many', () => {
    expect(rowPlaces(rowsOf([4, 4])).rowHeight).to.equal(18);
    expect(rowPlaces(rowsOf([10, 10, 10, 10])).rowHeight).to.equal(13);
    expect(rowPlaces(rowsOf(Array.from({ length: 20 }, () => 10))).rowHeight).to.equal(6);
  });
});
