import { expect } from 'chai';
import fc from 'fast-check';
import {
  clockText,
  followed,
  panned,
  queryOfZoom,
  revealed,
  timeTicks,
  wholeView,
  zoomed,
  zoomInQuery,
} from '../../../../../../src/dashboard/pages/build/timeline/drawing/time-view.js';

const anyEnd = fc.integer({ min: 0, max: 10_000_000 });
const part = fc.double({ min: 0, max: 1, noNaN: true });
/** Some view within a build that ends at `end`. */
const anyCase = fc.tuple(anyEnd, part, part).map(([end, size, place]) => {
  const whole = wholeView(end);
  return { end, view: zoomed(whole, end, Math.max(0.001, size), whole.to * place) };
});

describe('the visible time', () => {
  it('is always within the build, whatever is done to it', () => {
    fc.assert(
      fc.property(
        anyCase,
        fc.double({ min: 0.01, max: 100, noNaN: true }),
        part,
        ({ end, view }, factor, at) => {
          const { from, to } = view;
          const time = from + at * (to - from);
          const length = Math.max(end, 20);
          for (const next of [
            view,
            zoomed(view, end, factor, time),
            panned(view, end, (at - 0.5) * 1e7),
            revealed(view, end, { from: time, to: time + 100 }),
            followed(view, end, end + 5000),
          ]) {
            expect(next.from).to.be.at.least(0);
            expect(next.to - next.from).to.be.at.least(19.999);
            expect(next.to).to.be.at.most(length + 5000.001);
          }
        },
      ),
    );
  });

  it('keeps the time under the pointer at its place while it is zoomed', () => {
    fc.assert(
      fc.property(part, fc.double({ min: 0.2, max: 0.9, noNaN: true }), (at, factor) => {
        const view = { from: 40_000, to: 60_000 };
        const time = view.from + at * 20_000;
        const next = zoomed(view, 1_000_000, factor, time);
        expect((time - next.from) / (next.to - next.from)).to.be.closeTo(at, 1e-9);
        const back = zoomed(next, 1_000_000, 1 / factor, time);
        expect(back.from).to.be.closeTo(view.from, 1e-6);
      }),
    );
  });

  it('does not move for a bar that is visible, and shows the beginning of any other', () => {
    const view = { from: 1000, to: 2000 };
    expect(revealed(view, 10_000, { from: 1200, to: 1300 })).to.equal(view);
    fc.assert(
      fc.property(fc.nat(10_000), fc.nat(10_000), (from, length) => {
        const { from: first, to: last } = revealed(view, 30_000, { from, to: from + length });
        const isLong = from < 1000 && from + length > 2000;
        expect(isLong || (first <= from && from < last)).to.equal(true);
      }),
    );
  });

  it('follows the end of a running build only when that was visible', () => {
    expect(followed({ from: 0, to: 100 }, 100, 120)).to.deep.equal({ from: 0, to: 120 });
    expect(followed({ from: 50, to: 100 }, 100, 120)).to.deep.equal({ from: 70, to: 120 });
    expect(followed({ from: 20, to: 60 }, 100, 120)).to.deep.equal({ from: 20, to: 60 });
  });
});

describe('the zoom in an address', () => {
  it('is the same after it was written and read', () => {
    fc.assert(
      fc.property(anyCase, ({ end, view: { from, to } }) => {
        const view = { from: Math.floor(from), to: Math.floor(to) };
        const { from: first, to: last } = queryOfZoom(view);
        const read = zoomInQuery(new URLSearchParams({ from: first ?? '', to: last ?? '' }), end);
        const isShown = view.to - view.from >= 20 && (view.from > 0 || view.to < end);
        if (isShown) {
          expect(read).to.deep.equal(view);
        }
      }),
    );
  });

  it('is none when the address has none, and within the build whatever the address has', () => {
    expect(zoomInQuery(new URLSearchParams(), 1000)).to.equal(null);
    expect(queryOfZoom(null)).to.deep.equal({ from: null, to: null });
    const anyText = fc.oneof(fc.string(), fc.double().map(String), fc.integer().map(String));
    fc.assert(
      fc.property(anyText, anyText, anyEnd, (from, to, end) => {
        const zoom = zoomInQuery(new URLSearchParams({ from, to }), end);
        if (zoom !== null) {
          expect(zoom.from).to.be.at.least(0);
          expect(zoom.to).to.be.greaterThan(zoom.from);
          expect(zoom.to).to.be.at.most(Math.max(end, 20) + 0.001);
        }
      }),
    );
  });
});

describe('the marks of the time', () => {
  it('are round, inside the view, and no more than there is room for', () => {
    fc.assert(
      fc.property(anyCase, fc.integer({ min: 1, max: 40 }), ({ view }, most) => {
        const ticks = timeTicks(view, most);
        expect(ticks.length).to.be.at.most(most);
        expect(ticks.every(({ at }) => at >= view.from - 1e-6 && at <= view.to)).to.equal(true);
        expect(new Set(ticks.map(({ label }) => label)).size).to.equal(ticks.length);
      }),
    );
  });

  it('have minutes and seconds, with hours and decimals where they are needed', () => {
    const labels = (from: number, to: number) => timeTicks({ from, to }, 4).map(({ label }) => label);
    expect(labels(0, 120_000)).to.deep.equal(['0:00', '0:30', '1:00', '1:30']);
    expect(labels(61_000, 61_700)).to.deep.equal(['1:01.0', '1:01.2', '1:01.4', '1:01.6']);
    expect(labels(3_600_000, 3_720_000)[1]).to.equal('1:00:30');
    expect(clockText(59_999, 0)).to.equal('0:59');
    expect(clockText(59_999, 1)).to.equal('0:59.9');
  });
});
