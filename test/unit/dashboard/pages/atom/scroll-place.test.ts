import { expect } from 'chai';
import fc from 'fast-check';
import {
  endPlace,
  isMisplaced,
  MAX_SPACER,
  movedPlace,
  placeOfLine,
  type ScrollGeometry,
  type ScrollPlace,
  type ScrollState,
  scrolledTo,
  scrollTopOf,
  shownLines,
  spacerHeight,
} from '../../../../../src/dashboard/pages/atom/console/scroll-place.js';

const START = { line: 0, offset: 0 };
/** A browser's scroll element: positions are whole pixels within its range. */
const rounded = (geometry: ScrollGeometry, scrollTop: number) =>
  Math.round(Math.max(0, Math.min(scrollTop, spacerHeight(geometry) - geometry.viewport)));

/** Most lines have one height, and some are measured as higher, by their number. */
const geometry = fc
  .record({
    lines: fc.oneof(fc.nat(50), fc.nat(100_000), fc.integer({ min: 1, max: 200_000_000 })),
    viewport: fc.integer({ min: 1, max: 2000 }),
    lineHeight: fc.integer({ min: 10, max: 30 }),
    rise: fc.constantFrom(0, 0, 1, 7, 40),
  })
  .map(
    ({ rise, ...one }): ScrollGeometry => ({
      ...one,
      heightOf: (line) => one.lineHeight * (1 + (rise === 0 ? 0 : (line * 7919) % rise)),
    }),
  );

/** Pixels from the top of the first line, for geometries with few lines. */
function pixelsOf({ line, offset }: ScrollPlace, { heightOf }: ScrollGeometry): number {
  let height = offset;
  for (let n = 0; n < line; n += 1) {
    height += heightOf(n);
  }
  return height;
}

/** Pixels from a place near the end to the end. */
function pixelsAfter(place: ScrollPlace, geometry: ScrollGeometry): number {
  const end = endPlace(geometry);
  let height = end.offset - place.offset;
  for (let line = place.line; line < end.line; line += 1) {
    height += geometry.heightOf(line);
  }
  return height;
}

const isWithin = ({ line, offset }: ScrollPlace, { lines, heightOf }: ScrollGeometry) =>
  line >= 0 &&
  offset >= 0 &&
  (lines === 0 ? line === 0 && offset === 0 : line < lines && offset <= heightOf(line));

describe('a place in a console', () => {
  it('moves by as many pixels as asked, up to both ends', () => {
    const few = geometry.filter(({ lines }) => lines <= 50);
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

  it('at the end shows the last line at the bottom of the window', () => {
    fc.assert(
      fc.property(geometry, (one) => {
        const { first, last, above } = shownLines(endPlace(one), one, 0);
        expect(isWithin(endPlace(one), one)).to.equal(true);
        expect(last).to.equal(one.lines - 1);
        let height = -above;
        for (let line = first; line <= last; line += 1) {
          height += one.heightOf(line);
        }
        const isFull = first > 0 || height >= one.viewport;
        expect(isFull ? Math.abs(height - one.viewport) < 1e-6 : height < one.viewport).to.equal(true);
      }),
    );
  });

  it('shows lines that fill the window', () => {
    fc.assert(
      fc.property(
        geometry.filter(({ lines }) => lines > 0),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(20),
        (one, part, beyond) => {
          const place = placeOfLine(Math.floor(part * (one.lines - 1)), 'top', one);
          const { first, last, above } = shownLines(place, one, beyond);
          let height = -above;
          for (let line = first; line <= last; line += 1) {
            height += one.heightOf(line);
          }
          expect(height >= one.viewport - 1e-6 || last === one.lines - 1).to.equal(true);
          expect(last - first).to.be.at.most(2 * beyond + one.viewport / one.lineHeight + 2);
        },
      ),
    );
  });

  it('of a line has it in the window', () => {
    fc.assert(
      fc.property(
        geometry.filter(({ lines }) => lines > 0),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom('top', 'middle'),
        (one, part, align) => {
          const line = Math.floor(part * (one.lines - 1));
          const place = placeOfLine(line, align as 'top' | 'middle', one);
          const { first, last } = shownLines(place, one, 0);
          expect(isWithin(place, one)).to.equal(true);
          expect(line).to.be.within(first, last);
        },
      ),
    );
  });

  it('and the scroll bar stand for each other', () => {
    fc.assert(
      fc.property(
        geometry.filter(({ lines }) => lines > 0),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (one, part) => {
          const place = placeOfLine(Math.floor(part * (one.lines - 1)), 'top', one);
          const top = scrollTopOf(place, one);
          expect(top).to.be.within(0, spacerHeight(one) - one.viewport);
          expect(spacerHeight(one)).to.be.at.most(Math.max(MAX_SPACER, one.viewport));
          expect(scrollTopOf(START, one)).to.equal(0);
          expect(scrollTopOf(endPlace(one), one)).to.equal(spacerHeight(one) - one.viewport);
        },
      ),
    );
  });

  it('is exactly that of the scroll bar where lines have one height and the browser can scroll all of them', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300_000 }),
        fc.integer({ min: 1, max: 2000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (lines, viewport, part) => {
          const one: ScrollGeometry = { lines, viewport, lineHeight: 20, heightOf: () => 20 };
          const range = spacerHeight(one) - viewport;
          const now = Math.round(part * range);
          const { place } = scrolledTo({ place: START, scrollTop: 0 }, now, one);
          expect(place.line * 20 + place.offset).to.be.closeTo(now, 1e-4);
          expect(scrollTopOf(place, one)).to.be.closeTo(now, 1e-4);
        },
      ),
    );
  });

  it('reaches both ends by the wheel alone, and by dragging the bar, without ever leaving the lines', () => {
    const large = fc.record({
      lines: fc.constantFrom(3, 400_000, 1_000_000, 50_000_000),
      wrapped: fc.boolean(),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      moves: fc.array(fc.oneof(fc.integer({ min: -1500, max: 1500 }), fc.constant('drag')), {
        maxLength: 200,
      }),
    });
    fc.assert(
      fc.property(large, ({ lines, wrapped, part, moves }) => {
        const one: ScrollGeometry = {
          lines,
          viewport: 800,
          lineHeight: 20,
          heightOf: (line) => (wrapped && line % 3 === 0 ? 120 : 20),
        };
        let state: ScrollState = { place: START, scrollTop: 0 };
        const goTo = (scrollTop: number) => {
          state = scrolledTo(state, rounded(one, scrollTop), one);
          if (isMisplaced(state, one)) {
            state = { ...state, scrollTop: rounded(one, scrollTopOf(state.place, one)) };
          }
        };
        for (const move of moves) {
          goTo(move === 'drag' ? part * spacerHeight(one) : state.scrollTop + move);
          expect(isWithin(state.place, one)).to.equal(true);
        }
        goTo(spacerHeight(one));
        for (let n = 0; n < 20; n += 1) {
          goTo(state.scrollTop + 800);
        }
        expect(Math.abs(pixelsAfter(state.place, one)), 'pixels before the end').to.be.at.most(2);
        goTo(0);
        for (let n = 0; n < 20; n += 1) {
          goTo(state.scrollTop - 800);
        }
        expect(state.place.line * 20 + state.place.offset, 'pixels after the start').to.be.at.most(2);
      }),
    );
  });

  it('goes through every line by the wheel, though the bar stands for fewer pixels', () => {
    const one: ScrollGeometry = { lines: 3_000_000, viewport: 800, lineHeight: 20, heightOf: () => 20 };
    let state: ScrollState = { place: placeOfLine(2_990_000, 'top', one), scrollTop: 0 };
    state = { ...state, scrollTop: Math.round(scrollTopOf(state.place, one)) };
    for (let n = 0; n < 300; n += 1) {
      const before = state.place.line;
      state = scrolledTo(state, rounded(one, state.scrollTop + 400), one);
      if (isMisplaced(state, one)) {
        state = { ...state, scrollTop: Math.round(scrollTopOf(state.place, one)) };
      }
      expect(state.place.line - before, `step ${n}`).to.be.within(0, 20);
    }
    expect(state.place.line).to.equal(2_996_000);
  });
});
