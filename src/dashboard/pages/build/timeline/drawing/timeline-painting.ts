import { barKinds, barLooks } from '../bar-looks.js';
import type { BuildTimeline } from '../timeline-bars.js';
import { paintedBars } from './bar-pixels.js';
import { type BarPlace, barIn } from './bar-steps.js';
import type { BusyProfile } from './busy-profile.js';
import { PixelBars, pixelOf } from './pixel-bars.js';
import { NAME_HEIGHT, type RowPlaces } from './row-places.js';
import { type TimeView, timeTicks } from './time-view.js';

/** Colors of `theme.css` in the form `rgb(1, 2, 3)`, by their variables. */
export type CanvasColors = (name: `--${string}`) => string;

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
const HEAD = { axis: 18, profile: 34, gap: 6 } as const;
const PROFILE_BASE = HEAD.axis + HEAD.gap + HEAD.profile;
export const HEAD_HEIGHT = PROFILE_BASE + HEAD.gap;
const FONT_PIXELS = 11;
/** A label on the axis needs this width. */
const TICK_WIDTH = 76;
/** Lower rows have no numbers. */
const NUMBERED_HEIGHT = 12;

/** Paints the visible part of a timeline, once. `unit`: pixels of the canvas in one of the page. */
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
  const write = (text: string, x: number, y: number, align: CanvasTextAlign = 'left') => {
    context.textAlign = align;
    context.fillText(text, x * unit, y * unit);
  };
  context.font = `${FONT_PIXELS * unit}px system-ui, sans-serif`;
  context.textBaseline = 'middle';
  context.fillStyle = colors('--back');
  context.fillRect(0, 0, width * unit, height * unit);
  const ticks = timeTicks(view, Math.max(2, Math.floor(chart / TICK_WIDTH)));
  const top = (row: number) => (places.tops[row] ?? 0) - scrollTop;
  const visible = [...rows.keys()].filter(
    (row) => top(row) < height - HEAD_HEIGHT && top(row) + places.rowHeight > 0,
  );
  paintRows();
  paintMark();
  paintNames();
  paintAxis();
  paintProfile();

  function paintRows(): void {
    const columns = Math.round(chart * unit);
    const lines = Math.round((height - HEAD_HEIGHT) * unit);
    if (columns < 1 || lines < 1) {
      return;
    }
    const image = context.createImageData(columns, lines);
    const bars = new PixelBars(new Uint32Array(image.data.buffer), columns, unit);
    const pixel = (name: `--${string}`) => pixelOf(colors(name));
    const [back, raised, line] = [pixel('--back'), pixel('--back-raised'), pixel('--line')];
    const looks = new Map(
      barKinds.map((kind) => [kind, { ...barLooks[kind], color: pixel(barLooks[kind].color) }]),
    );
    const boxOf = (row: number, left: number, right: number) => {
      const from = Math.round(top(row) * unit);
      return { left, right, top: from, bottom: from + Math.round((places.rowHeight - 1) * unit) };
    };
    bars.fill({ left: 0, right: columns, top: 0, bottom: lines }, back);
    for (const row of visible) {
      bars.fill(boxOf(row, 0, Math.round((xOf(end) - gutter) * unit)), raised);
    }
    for (const { at } of ticks) {
      const left = Math.round((xOf(at) - gutter) * unit);
      const bottom = Math.round((places.height - scrollTop) * unit);
      bars.fill({ left, right: left + 1, top: 0, bottom }, line);
    }
    for (const index of visible) {
      const row = rows[index];
      if (row !== undefined) {
        paintedBars(row, view, columns, end, (left, right, kind) => {
          const { form, color } = looks.get(kind) ?? { form: 'solid', color: line };
          bars.bar(form, boxOf(index, left, right), color, back);
        });
      }
    }
    context.putImageData(image, Math.round(gutter * unit), Math.round(HEAD_HEIGHT * unit));
  }

  function paintMark(): void {
    const bar = marked === null ? null : barIn(rows, marked);
    if (marked !== null && bar !== null && visible.includes(marked.row)) {
      const left = Math.max(gutter, xOf(bar.start)) - 2;
      const right = Math.max(left + 5, Math.min(width, xOf(bar.end)) + 2);
      const y = HEAD_HEIGHT + top(marked.row) - 1.5;
      context.strokeStyle = colors('--text');
      context.lineWidth = 2 * unit;
      context.strokeRect(left * unit, y * unit, (right - left) * unit, (places.rowHeight + 2) * unit);
    }
  }

  function paintNames(): void {
    const isNumbered = places.rowHeight >= NUMBERED_HEIGHT;
    context.fillStyle = colors('--quiet');
    for (const row of isNumbered ? visible : []) {
      const y = HEAD_HEIGHT + top(row) + places.rowHeight / 2;
      write(String(rows[row]?.executor ?? ''), gutter - 6, y, 'right');
    }
    const lineHeight = Math.max(NAME_HEIGHT, places.rowHeight);
    context.fillStyle = colors('--text');
    for (const group of places.groups) {
      if (group.bottom > scrollTop && HEAD_HEIGHT + group.top - scrollTop < height) {
        // The name stays visible while any of its rows is.
        const y = Math.min(Math.max(0, group.top - scrollTop), group.bottom - scrollTop - lineHeight);
        const room = gutter - (isNumbered ? 24 : 8);
        write(fitting(context, group.name, room * unit), 0, HEAD_HEIGHT + y + lineHeight / 2);
      }
    }
    context.fillStyle = colors('--back');
    context.fillRect(0, 0, gutter * unit, HEAD_HEIGHT * unit);
  }

  function paintAxis(): void {
    context.fillStyle = colors('--quiet');
    for (const { at, label } of ticks) {
      const x = Math.min(width, xOf(at));
      const align = x > width - TICK_WIDTH / 2 ? 'right' : x < gutter + 12 ? 'left' : 'center';
      write(label, x, HEAD.axis / 2, align);
    }
    const y = HEAD.axis + HEAD.gap + 6;
    write('busy', 0, y);
    write(String(profile.numExecutors), gutter - 6, y, 'right');
  }

  function paintProfile(): void {
    const columns = Math.round(chart * unit);
    const step = (view.to - view.from) / columns;
    const [left, base] = [Math.round(gutter * unit), Math.round(PROFILE_BASE * unit)];
    context.beginPath();
    context.moveTo(left, base);
    for (let column = 0; column < columns; column += 1) {
      const from = view.from + column * step;
      const share = profile.meanBetween(from, from + step) / Math.max(1, profile.numExecutors);
      const y = base - Math.round(share * HEAD.profile * unit);
      context.lineTo(left + column, y);
      context.lineTo(left + column + 1, y);
    }
    context.lineTo(left + columns, base);
    context.fillStyle = colors('--busy-back');
    context.fill();
    context.strokeStyle = colors('--busy');
    context.lineWidth = unit;
    context.stroke();
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
