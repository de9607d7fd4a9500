import { type BarKind, isBad } from '../bar-looks.js';
import type { Bar, TimelineRow } from '../timeline-bars.js';
import type { TimeView } from './time-view.js';

/* From bars to pixels and back. The cost grows with the pixels, and not with the bars. */

/** The first place whose value is above `limit`, of `count` that never fall. */
export function firstAbove(
  count: number,
  valueAt: (place: number) => number,
  limit: number,
  from = 0,
): number {
  let [low, high] = [from, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (valueAt(middle) > limit) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

/** Bars at least so wide are painted one by one. */
const WIDE = 2;
/** Bars at least so wide end with a gap of a pixel. Narrower ones without a gap between them are painted as one. */
const GAP_FROM = 4;

/**
 * Calls `paint` with the pixels of the visible bars: from `left` to `right` (exclusive), within 0 and `width`. Bars that are
 * narrower than two pixels are joined to columns of one pixel, which have the kind of a bad bar if there is one. `end`
 * is the end of bars that go on.
 */
export function paintedBars(
  { bars, reach, badBefore }: TimelineRow,
  { from, to }: TimeView,
  width: number,
  end: number,
  paint: (left: number, right: number, kind: BarKind) => void,
): void {
  const scale = width / (to - from);
  const pixel = (time: number) => (Math.min(time, end) - from) * scale;
  const columnAt = (place: number) => Math.floor(pixel(bars[place]?.start ?? 0));
  // Narrow bars of one kind that follow each other.
  const pending: { left: number; right: number; kind: BarKind | null } = { left: 0, right: 0, kind: null };
  const flush = () => {
    if (pending.kind !== null) {
      paint(pending.left, pending.right, pending.kind);
      pending.kind = null;
    }
  };
  const paintNarrow = (left: number, right: number, kind: BarKind) => {
    if (pending.kind === kind && left <= pending.right) {
      pending.right = Math.max(pending.right, right);
    } else {
      flush();
      Object.assign(pending, { left, right, kind });
    }
  };
  const isWide = (bar: Bar, left: number) => bar.end > from && pixel(bar.end) - left >= WIDE;
  const paintWide = (bar: Bar, left: number) => {
    const right = Math.min(width, Math.round(pixel(bar.end)));
    if (pixel(bar.end) - left >= GAP_FROM) {
      flush();
      paint(left, Math.max(left + 1, right === width ? right : right - 1), bar.kind);
    } else {
      paintNarrow(left, Math.max(left + 1, right), bar.kind);
    }
  };
  let place = firstAbove(bars.length, (at) => reach[at] ?? 0, from);
  for (let bar = bars[place]; bar !== undefined && bar.start < to; bar = bars[place]) {
    const left = Math.max(0, Math.floor(pixel(bar.start)));
    if (isWide(bar, left)) {
      paintWide(bar, left);
      place += 1;
      continue;
    }
    // All that begin in this column.
    const next = firstAbove(bars.length, columnAt, left, place + 1);
    let joined: BarKind | null = (badBefore[next] ?? 0) > (badBefore[place] ?? 0) ? 'failed' : bar.kind;
    if ((reach[next - 1] ?? 0) > from + (left + WIDE) / scale) {
      // A wide one may be among them: the last, or one that contains others.
      joined = null;
      for (const one of bars.slice(place, next)) {
        if (isWide(one, left)) {
          paintWide(one, left);
        } else if (one.end > from && (joined === null || isBad(one.kind))) {
          joined = one.kind;
        }
      }
    }
    if (joined !== null && left < width) {
      paintNarrow(left, left + 1, joined);
    }
    place = next;
  }
  flush();
}

/** The place of the bar at a time, or near it by up to `tolerance`; null if there is none. A bad one is preferred. */
export function placeAt(
  { bars, reach }: TimelineRow,
  time: number,
  tolerance: number,
  end: number,
): number | null {
  let best: { readonly place: number; readonly distance: number; readonly isBad: boolean } | null = null;
  const next = firstAbove(bars.length, (place) => bars[place]?.start ?? 0, time + tolerance);
  for (let place = next - 1; place >= 0 && (reach[place] ?? 0) >= time - tolerance; place -= 1) {
    const bar = bars[place];
    if (bar === undefined) {
      break;
    }
    const off = Math.max(bar.start - time, time - Math.min(bar.end, end), 0);
    if (off <= tolerance) {
      // Less than a part of the tolerance cannot be aimed at.
      const distance = off < tolerance / 4 ? 0 : off;
      const bad = isBad(bar.kind);
      if (best === null || distance < best.distance || (distance === best.distance && bad && !best.isBad)) {
        best = { place, distance, isBad: bad };
      }
    }
  }
  return best?.place ?? null;
}

/** The place of the bar that is nearest to a time; null without bars. */
export function nearestPlace({ bars }: TimelineRow, time: number): number | null {
  if (bars.length === 0) {
    return null;
  }
  const next = firstAbove(bars.length, (place) => bars[place]?.start ?? 0, time);
  const [before, after] = [bars[next - 1], bars[next]];
  if (before === undefined || after === undefined) {
    return before === undefined ? next : next - 1;
  }
  return time - before.end <= after.start - time ? next - 1 : next;
}
