import { expect } from 'chai';
import fc from 'fast-check';
import type { BarKind } from '../../../../../../src/dashboard/pages/build/timeline/bar-looks.js';
import {
  nearestPlace,
  paintedBars,
  placeAt,
} from '../../../../../../src/dashboard/pages/build/timeline/drawing/bar-pixels.js';
import type { TimeView } from '../../../../../../src/dashboard/pages/build/timeline/drawing/time-view.js';
import type { TimelineRow } from '../../../../../../src/dashboard/pages/build/timeline/timeline-bars.js';
import { anyNestedRow, anyRow, bar, row } from '../../../../../support/timeline-samples.js';

const anyView = fc
  .tuple(fc.nat(100_000), fc.integer({ min: 1, max: 200_000 }))
  .map(([from, length]): TimeView => ({ from, to: from + length }));
const anyWidth = fc.integer({ min: 1, max: 2000 });
const END = 1_000_000;

interface Painted {
  readonly left: number;
  readonly right: number;
  readonly kind: BarKind;
}

function paint(of: TimelineRow, view: TimeView, width: number, end = END): Painted[] {
  const painted: Painted[] = [];
  paintedBars(of, view, width, end, (left, right, kind) => painted.push({ left, right, kind }));
  return painted;
}

describe('the pixels of bars', () => {
  it('are at the times of the bars', () => {
    const two = row([bar(100, 200), bar(500, Number.POSITIVE_INFINITY, 'in_progress')]);
    expect(paint(two, { from: 0, to: 1000 }, 100, 800)).to.deep.equal([
      { left: 10, right: 19, kind: 'passed' },
      { left: 50, right: 79, kind: 'in_progress' },
    ]);
  });

  it('are within the width, and never empty', () => {
    fc.assert(
      fc.property(fc.oneof(anyRow, anyNestedRow), anyView, anyWidth, (one, view, width) => {
        for (const { left, right } of paint(one, view, width)) {
          expect(left).to.be.at.least(0);
          expect(right).to.be.greaterThan(left).and.at.most(width);
        }
      }),
    );
  });

  it('are painted twice for each pixel at most, however many bars there are', () => {
    fc.assert(
      fc.property(anyRow, anyView, anyWidth, (one, view, width) => {
        expect(paint(one, view, width).length).to.be.at.most(2 * width);
      }),
    );
    const dense = row(Array.from({ length: 100_000 }, (_, at) => bar(at * 10, at * 10 + 9)));
    expect(paint(dense, { from: 0, to: 1_000_000 }, 300)).to.deep.equal([
      { left: 0, right: 300, kind: 'passed' },
    ]);
  });

  it('cover each visible bar', () => {
    fc.assert(
      fc.property(fc.oneof(anyRow, anyNestedRow), anyView, anyWidth, (one, view, width) => {
        const painted = paint(one, view, width);
        for (const { start, end } of one.bars) {
          const from = Math.max(start, view.from);
          if (from < Math.min(end, view.to)) {
            const pixel = Math.min(width - 1, ((from - view.from) / (view.to - view.from)) * width);
            const isCovered = painted.some(({ left, right }) => left <= pixel + 1e-6 && pixel < right + 1e-6);
            expect(isCovered, `${start} to ${end}`).to.equal(true);
          }
        }
      }),
    );
  });

  it('show each failed atom in its state, among however many others', () => {
    fc.assert(
      fc.property(anyRow, anyWidth, (one, width) => {
        const end = Math.max(1, one.reach.at(-1) ?? 1);
        const painted = paint(one, { from: 0, to: end }, width).filter(({ kind }) => kind === 'failed');
        for (const { start, kind } of one.bars.filter((each) => each.kind === 'failed' && each.end > 0)) {
          const pixel = Math.min(width - 1, Math.floor((start / end) * width + 1e-9));
          if (start < end) {
            const isShown = painted.some(({ left, right }) => left <= pixel && pixel < right);
            expect(isShown, `${kind} at ${start}`).to.equal(true);
          }
        }
      }),
    );
  });

  it('leave the time between bars empty', () => {
    const two = row([bar(0, 100), bar(900, 1000)]);
    const painted = paint(two, { from: 0, to: 1000 }, 10);
    expect(painted.every(({ left, right }) => right <= 1 || left >= 9)).to.equal(true);
  });
});

describe('the bar at a pixel', () => {
  it('is the bar that is there', () => {
    fc.assert(
      fc.property(anyRow, fc.nat(), (one, choice) => {
        const place = one.bars.length === 0 ? 0 : choice % one.bars.length;
        const chosen = one.bars[place];
        fc.pre(chosen !== undefined && chosen.end - chosen.start >= 10);
        if (chosen !== undefined) {
          expect(placeAt(one, (chosen.start + chosen.end) / 2, 1, END)).to.equal(place);
        }
      }),
    );
  });

  it('is the atom rather than the lost work around it', () => {
    const nested = row([bar(0, 1000, 'work lost'), bar(300, 400)]);
    expect(placeAt(nested, 350, 1, END)).to.equal(1);
    expect(placeAt(nested, 600, 1, END)).to.equal(0);
  });

  it('may be near it, and is none farther away', () => {
    const one = row([bar(100, 102)]);
    expect(placeAt(one, 98, 5, END)).to.equal(0);
    expect(placeAt(one, 107, 5, END)).to.equal(0);
    expect(placeAt(one, 94, 5, END)).to.equal(null);
    expect(placeAt(one, 108, 5, END)).to.equal(null);
  });

  it('is the failed one of several in the pixel', () => {
    const many = row([bar(100, 101), bar(101, 102, 'failed'), bar(102, 103)]);
    expect(placeAt(many, 102.5, 20, END)).to.equal(1);
  });

  it('is none after the end of the build, where a bar that goes on has not come yet', () => {
    expect(placeAt(row([bar(0, Number.POSITIVE_INFINITY)]), 700, 5, 500)).to.equal(null);
  });
});

describe('the bar that is nearest to a time', () => {
  it('is the one with the shortest distance', () => {
    const three = row([bar(0, 10), bar(50, 60), bar(100, 110)]);
    expect([-5, 5, 29, 31, 55, 500].map((time) => nearestPlace(three, time))).to.deep.equal([
      0, 0, 0, 1, 1, 2,
    ]);
    expect(nearestPlace(row([]), 5)).to.equal(null);
  });
});
