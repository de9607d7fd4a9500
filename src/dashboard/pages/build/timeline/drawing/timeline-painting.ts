import type { BuildTimeline } from '../timeline-bars.js';
import { BarPainter, type CanvasColors } from './bar-painter.js';
import { paintedBars } from './bar-pixels.js';
import { type BarPlace, barIn } from './bar-steps.js';
import type { BusyProfile } from './busy-profile.js';
import { NAME_HEIGHT, type RowPlaces } from './row-places.js';
import { type TimeView, timeTicks } from './time-view.js';

/** Lengths are in pixels of the page. */
export interface TimelineScene {
  readonly timeline: BuildTimeline;
  readonly profile: BusyProfile;
  readonly places: RowPlaces;
  readonly view: TimeView;
  readonly width: number;
  readonly height: number;
  /** The width of the names at the left. */
  readonly gutter: number;
  readonly scrollTop: number;
  /** The bar with a frame around it. */
  readonly marked: BarPlace | null;
}

/** The axis and the profile above the rows. */
export const HEAD = { axis: 18, profile: 34, gap: 6 } as const;
export const HEAD_HEIGHT = HEAD.axis + HEAD.profile + 2 * HEAD.gap;
const FONT_PIXELS = 11;
/** A label on the axis needs this width. */
const TICK_WIDTH = 76;
/** Lower rows have no numbers. */
const NUMBERED_HEIGHT = 12;

/** Paints the visible part of a timeline, once. */
export function paintTimeline(
  context: CanvasRenderingContext2D,
  colors: CanvasColors,
  unit: number,
  scene: TimelineScene,
): void {
  const { timeline, profile, places, view, width, height, gutter, scrollTop, marked } = scene;
  const { rows, end } = timeline;
  const chart = width - gutter;
  const xOf = (time: number) => gutter + ((Math.min(time, end) - view.from) / (view.to - view.from)) * chart;
  const fill = (color: `--${string}`, x: number, y: number, w: number, h: number) => {
    context.fillStyle = colors(color);
    context.fillRect(x * unit, y * unit, w * unit, h * unit);
  };
  const write = (text: string, x: number, y: number, align: CanvasTextAlign = 'left') => {
    context.textAlign = align;
    context.fillText(text, x * unit, y * unit);
  };
  context.font = `${FONT_PIXELS * unit}px system-ui, sans-serif`;
  context.textBaseline = 'middle';
  fill('--back', 0, 0, width, height);

  const bottom = Math.min(height, HEAD_HEIGHT + places.height - scrollTop);
  const top = (row: number) => HEAD_HEIGHT + (places.tops[row] ?? 0) - scrollTop;
  const painter = new BarPainter(context, colors, unit);
  const visible = rows.flatMap((row, index) =>
    top(index) < height && top(index) + places.rowHeight > HEAD_HEIGHT ? [{ row, index }] : [],
  );
  // Under the bars.
  for (const { index } of visible) {
    const right = Math.min(width, xOf(end));
    fill('--back-raised', gutter, top(index), Math.max(0, right - gutter), places.rowHeight - 1);
  }
  const ticks = timeTicks(view, Math.max(2, Math.floor(chart / TICK_WIDTH)));
  for (const { at } of ticks) {
    fill('--line', Math.round(xOf(at)), HEAD_HEIGHT, 1 / unit, bottom - HEAD_HEIGHT);
  }
  for (const { row, index } of visible) {
    const y = Math.round(top(index) * unit);
    paintedBars(row, view, Math.round(chart * unit), end, (left, right, kind) => {
      painter.add(kind, {
        left: gutter * unit + left,
        top: y,
        width: right - left,
        height: (places.rowHeight - 1) * unit,
      });
    });
  }
  painter.paint();
  const bar = marked === null ? null : barIn(rows, marked);
  if (marked !== null && bar !== null) {
    const [left, right] = [Math.max(gutter, xOf(bar.start)) - 2, Math.min(width, xOf(bar.end)) + 2];
    context.strokeStyle = colors('--text');
    context.lineWidth = 2 * unit;
    const box = [left, top(marked.row) - 1.5, Math.max(5, right - left), places.rowHeight + 2] as const;
    context.strokeRect(box[0] * unit, box[1] * unit, box[2] * unit, box[3] * unit);
  }

  // Over bars that begin before the visible part, and rows that are scrolled under the head.
  fill('--back', 0, 0, gutter, height);
  fill('--back', 0, 0, width, HEAD_HEIGHT - 1);
  context.fillStyle = colors('--quiet');
  for (const { row, index } of visible) {
    if (places.rowHeight >= NUMBERED_HEIGHT && row.executor !== null) {
      write(String(row.executor), gutter - 6, top(index) + places.rowHeight / 2, 'right');
    }
  }
  const numbers = places.rowHeight >= NUMBERED_HEIGHT ? 24 : 8;
  const lineHeight = Math.max(NAME_HEIGHT, places.rowHeight);
  context.fillStyle = colors('--text');
  for (const group of places.groups) {
    const groupBottom = HEAD_HEIGHT + group.bottom - scrollTop;
    if (groupBottom > HEAD_HEIGHT && HEAD_HEIGHT + group.top - scrollTop < height) {
      // The name stays visible while any of its rows is.
      const y = Math.min(
        Math.max(HEAD_HEIGHT, HEAD_HEIGHT + group.top - scrollTop),
        groupBottom - lineHeight,
      );
      write(fitting(context, group.name, (gutter - numbers) * unit), 0, y + lineHeight / 2);
    }
  }
  fill('--back', 0, 0, gutter, HEAD_HEIGHT - 1);

  context.fillStyle = colors('--quiet');
  for (const { at, label } of ticks) {
    const x = xOf(at);
    write(
      label,
      Math.min(x, width),
      HEAD.axis / 2,
      x > width - TICK_WIDTH / 2 ? 'right' : x < gutter + 12 ? 'left' : 'center',
    );
  }
  write(fitting(context, 'executors busy', (gutter - 24) * unit), 0, HEAD.axis + HEAD.gap + 6);
  write(`${profile.numExecutors}`, gutter - 6, HEAD.axis + HEAD.gap + 6, 'right');
  paintProfile();

  function paintProfile(): void {
    const base = HEAD.axis + HEAD.gap + HEAD.profile;
    const columns = Math.round(chart * unit);
    const step = (view.to - view.from) / columns;
    let before = 0;
    for (let column = 0; column < columns; column += 1) {
      const from = view.from + column * step;
      const share = profile.meanBetween(from, from + step) / Math.max(1, profile.numExecutors);
      const high = Math.round(share * HEAD.profile * unit);
      const [left, bottomEdge] = [Math.round(gutter * unit) + column, Math.round(base * unit)];
      context.fillStyle = colors('--busy-back');
      context.fillRect(left, bottomEdge - high, 1, high);
      // The outline goes up and down where the number changes.
      context.fillStyle = colors('--busy');
      context.fillRect(left, bottomEdge - Math.max(high, before), 1, Math.max(unit, Math.abs(high - before)));
      before = high;
    }
    fill('--line', gutter, base, chart, 1);
  }
}

/** The beginning of a text that fits into a width. */
function fitting(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) {
    return text;
  }
  let length = Math.min(text.length, 60);
  while (length > 0 && context.measureText(`${text.slice(0, length)}…`).width > width) {
    length -= 1;
  }
  return `${text.slice(0, length)}…`;
}
