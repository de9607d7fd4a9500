import { expect } from 'chai';
import fc from 'fast-check';
import {
  endPlace,
  isMisplaced,
  listHeight,
  MAX_SPACER,
  movedPlace,
  placeOfGoal,
  placeOfRow,
  type ScrollGeometry,
  type ScrollPlace,
  type ScrollState,
  scrolledTo,
  scrollRange,
  scrollTopOf,
  shownRows,
} from '../../../../../src/dashboard/parts/table/scroll-place.js';

const START = { row: 0, offset: 0 };
/** A browser's scroll element: positions are whole pixels within its range. */
const rounded = (geometry: ScrollGeometry, scrollTop: number) =>
  Math.round(Math.max(0, Math.min(scrollTop, scrollRange(geometry))));

/** Most rows have one height, and some are measured as higher, by their number. */
const geometry = fc
  .record({
    rows: fc.oneof(fc.nat(50), fc.nat(100_000), fc.integer({ min: 1, max: 200_000_000 })),
    viewport: fc.integer({ min: 1, max: 2000 }),
    rowHeight: fc.integer({ min: 10, max: 30 }),
    rise: fc.constantFrom(0, 0, 1, 7, 40),
  })
  .map(
    ({ rise, ...one }): ScrollGeometry => ({
      ...one,
      heightOf: (row) => one.rowHeight * (1 + (rise === 0 ? 0 : (row * 7919) % rise)),
    }),
  );

/** Pixels from the top of the first row, for geometries with few rows. */
function pixelsOf({ row, offset }: ScrollPlace, { heightOf }: ScrollGeometry): number {
  let height = offset;
  for (let n = 0; n < row; n += 1) {
    height += heightOf(n);
  }
  return height;
}

/** Pixels from a place near the end to the end. */
function pixelsAfter(place: ScrollPlace, geometry: ScrollGeometry): number {
  const end = endPlace(geometry);
  let height = end.offset - place.offset;
  for (let row = place.row; row < end.row; row += 1) {
    height += geometry.heightOf(row);
  }
  return height;
}

const isWithin = ({ row, offset }: ScrollPlace, { rows, heightOf }: ScrollGeometry) =>
  row >= 0 && offset >= 0 && (rows === 0 ? row === 0 && offset === 0 : row < rows && offset <= heightOf(row));

describe('a place in a long list', () => {
  it('moves by as many pixels as asked, up to both ends', () => {
    const few = geometry.filter(({ rows }) => rows <= 50);
    fc.assert(
      fc.property(few, fc.array(fc.integer({ min: -3000, max: 3000 }), { maxLength: 10 }), (one, moves) => {
        let place: ScrollPlace = START;
        let pixels = 0;
        const end = pixelsOf(endPlace(one), one);
        for (const move of moves) {
          place = movedPlace(place, move, one);
          pixels = Math.max(0, Math.min(end, pixels + move));
          expect(pixelsOf(place, one)).to.be.closeTo(pixels, 1e-6);
        }
      }),
    );
  });

  it('at the end shows the last row at the bottom of the window', () => {
    fc.assert(
      fc.property(geometry, (one) => {
        const { first, last, above } = shownRows(endPlace(one), one, 0);
        expect(isWithin(endPlace(one), one)).to.equal(true);
        expect(last).to.equal(one.rows - 1);
        let height = -above;
        for (let row = first; row <= last; row += 1) {
          height += one.heightOf(row);
        }
        const isFull = first > 0 || height >= one.viewport;
        expect(isFull ? Math.abs(height - one.viewport) < 1e-6 : height < one.viewport).to.equal(true);
      }),
    );
  });

  it('shows rows that fill the window', () => {
    fc.assert(
      fc.property(
        geometry.filter(({ rows }) => rows > 0),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(20),
        (one, part, beyond) => {
          const place = placeOfRow(Math.floor(part * (one.rows - 1)), 'top', one);
          const { first, last, above } = shownRows(place, one, beyond);
          let height = -above;
          for (let row = first; row <= last; row += 1) {
            height += one.heightOf(row);
          }
          expect(height >= one.viewport - 1e-6 || last === one.rows - 1).to.equal(true);
          expect(last - first).to.be.at.most(2 * beyond + one.viewport / one.rowHeight + 2);
        },
      ),
    );
  });

  it('of a row has it in the window', () => {
    fc.assert(
      fc.property(
        geometry.filter(({ rows }) => rows > 0),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom('top', 'middle'),
        (one, part, align) => {
          const row = Math.floor(part * (one.rows - 1));
          const place = placeOfRow(row, align as 'top' | 'middle', one);
          const { first, last } = shownRows(place, one, 0);
          expect(isWithin(place, one)).to.equal(true);
          expect(row).to.be.within(first, last);
        },
      ),
    );
  });

  it('near a row has the whole row in the window, and is the same place if it was', () => {
    fc.assert(
      fc.property(
        geometry.filter(({ rows, viewport }) => rows > 0 && viewport > 30 * 41),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: -60, max: 60 }),
        fc.nat(40),
        (one, part, distance, offset) => {
          const from = movedPlace(placeOfRow(Math.floor(part * (one.rows - 1)), 'top', one), offset, one);
          const row = Math.max(0, Math.min(one.rows - 1, from.row + distance));
          const wholeRows = (place: ScrollPlace) => {
            const { first, last, above } = shownRows(place, one, 0);
            let bottom = -above;
            for (let n = first; n <= row && n <= last; n += 1) {
              bottom += one.heightOf(n);
            }
            const isTop = row > first || (row === first && above === 0);
            return isTop && row <= last && bottom <= one.viewport + 1e-6;
          };
          const near = placeOfGoal({ row, align: 'near' }, from, one);
          expect(wholeRows(near)).to.equal(true);
          expect(wholeRows(from) ? near : null).to.deep.equal(wholeRows(from) ? from : null);
          expect(placeOfGoal({ row, align: 'near' }, near, one)).to.deep.equal(near);
        },
      ),
    );
  });

  it('and the scroll bar stand for each other', () => {
    fc.assert(
      fc.property(
        geometry.filter(({ rows }) => rows > 0),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (one, part) => {
          const place = placeOfRow(Math.floor(part * (one.rows - 1)), 'top', one);
          const top = scrollTopOf(place, one);
          expect(top).to.be.within(0, scrollRange(one));
          expect(listHeight(one)).to.be.at.most(Math.max(MAX_SPACER, one.viewport));
          expect(scrollTopOf(START, one)).to.equal(0);
          expect(scrollTopOf(endPlace(one), one)).to.equal(scrollRange(one));
        },
      ),
    );
  });

  it('is exactly that of the scroll bar where rows have one height and the browser can scroll all of them', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300_000 }),
        fc.integer({ min: 1, max: 2000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (rows, viewport, part) => {
          const one: ScrollGeometry = { rows, viewport, rowHeight: 20, heightOf: () => 20 };
          const range = scrollRange(one);
          const now = Math.round(part * range);
          const { place } = scrolledTo({ place: START, scrollTop: 0 }, now, one);
          expect(place.row * 20 + place.offset).to.be.closeTo(now, 1e-4);
          expect(scrollTopOf(place, one)).to.be.closeTo(now, 1e-4);
        },
      ),
    );
  });

  it('reaches both ends by the wheel alone, and by dragging the bar, without ever leaving the rows', () => {
    const large = fc.record({
      rows: fc.constantFrom(3, 400_000, 1_000_000, 50_000_000),
      wrapped: fc.boolean(),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      moves: fc.array(fc.oneof(fc.integer({ min: -1500, max: 1500 }), fc.constant('drag')), {
        maxLength: 200,
      }),
    });
    fc.assert(
      fc.property(large, ({ rows, wrapped, part, moves }) => {
        const one: ScrollGeometry = {
          rows,
          viewport: 800,
          rowHeight: 20,
          heightOf: (row) => (wrapped && row % 3 === 0 ? 120 : 20),
        };
        let state: ScrollState = { place: START, scrollTop: 0 };
        const goTo = (scrollTop: number) => {
          state = scrolledTo(state, rounded(one, scrollTop), one);
          if (isMisplaced(state, one)) {
            state = { ...state, scrollTop: rounded(one, scrollTopOf(state.place, one)) };
          }
        };
        for (const move of moves) {
          goTo(move === 'drag' ? part * listHeight(one) : state.scrollTop + move);
          expect(isWithin(state.place, one)).to.equal(true);
        }
        goTo(listHeight(one));
        for (let n = 0; n < 20; n += 1) {
          goTo(state.scrollTop + 800);
        }
        expect(Math.abs(pixelsAfter(state.place, one)), 'pixels before the end').to.be.at.most(2);
        goTo(0);
        for (let n = 0; n < 20; n += 1) {
          goTo(state.scrollTop - 800);
        }
        expect(state.place.row * 20 + state.place.offset, 'pixels after the start').to.be.at.most(2);
      }),
    );
  });

  it('goes through every row by the wheel, though the bar stands for fewer pixels', () => {
    const one: ScrollGeometry = { rows: 3_000_000, viewport: 800, rowHeight: 20, heightOf: () => 20 };
    let state: ScrollState = { place: placeOfRow(2_990_000, 'top', one), scrollTop: 0 };
    state = { ...state, scrollTop: Math.round(scrollTopOf(state.place, one)) };
    for (let n = 0; n < 300; n += 1) {
      const before = state.place.row;
      state = scrolledTo(state, rounded(one, state.scrollTop + 400), one);
      if (isMisplaced(state, one)) {
        state = { ...state, scrollTop: Math.round(scrollTopOf(state.place, one)) };
      }
      expect(state.place.row - before, `step ${n}`).to.be.within(0, 20);
    }
    expect(state.place.row).to.equal(2_996_000);
  });
});
