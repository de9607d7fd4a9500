/* Which part of a build's time is visible, in milliseconds after its request, and how keys and wheels change that. */

export interface TimeView {
  readonly from: number;
  readonly to: number;
}

/** The shortest time across the whole width. */
const SHORTEST_MS = 20;

/** A view of this length around its place, moved and cut so that it shows nothing before 0 and after `end`. */
function within(end: number, from: number, length: number): TimeView {
  const shown = Math.min(Math.max(length, SHORTEST_MS), Math.max(end, SHORTEST_MS));
  const first = Math.max(0, Math.min(from, Math.max(end, SHORTEST_MS) - shown));
  return { from: first, to: first + shown };
}

export function wholeView(end: number): TimeView {
  return within(end, 0, end);
}

/** The view, or null if it shows everything. */
export function zoomOf(view: TimeView, end: number): TimeView | null {
  return view.from <= 0 && view.to >= end ? null : view;
}

/** The zoom that an address has, as far as there is such a time; null for everything. */
export function zoomInQuery(query: URLSearchParams, end: number): TimeView | null {
  const [from, to] = [Number(query.get('from')), Number(query.get('to'))];
  return from >= 0 && to > from ? zoomOf(within(end, from, to - from), end) : null;
}

/** The parameters of an address that shows a zoom, in whole milliseconds. */
export function queryOfZoom(zoom: TimeView | null): Readonly<Record<'from' | 'to', string | null>> {
  const text = (time: number | undefined) => (time === undefined ? null : String(Math.round(time)));
  return { from: text(zoom?.from), to: text(zoom?.to) };
}

/** Shows `factor` times as much; the time `at` stays at its place. */
export function zoomed({ from, to }: TimeView, end: number, factor: number, at: number): TimeView {
  const length = Math.min(Math.max((to - from) * factor, SHORTEST_MS), Math.max(end, SHORTEST_MS));
  return within(end, at - ((at - from) / (to - from)) * length, length);
}

export function panned({ from, to }: TimeView, end: number, by: number): TimeView {
  return within(end, from + by, to - from);
}

/** Moves as little as possible so that the beginning of a bar is visible, and its end too if there is room. */
export function revealed(view: TimeView, end: number, bar: TimeView): TimeView {
  const length = view.to - view.from;
  if (bar.from < view.to && bar.to > view.from && (bar.from >= view.from || bar.to >= view.to)) {
    return view;
  }
  const margin = length / 20;
  const toRight = Math.min(bar.from - margin, bar.to - length + margin);
  return within(end, bar.from < view.from ? bar.from - margin : toRight, length);
}

/** The view when the build has gone on: one that showed its end, or everything, shows the new one. */
export function followed(view: TimeView, before: number, end: number): TimeView {
  if (view.to < before) {
    return view;
  }
  return view.from === 0 ? wholeView(end) : within(end, end, view.to - view.from);
}

export interface TimeTick {
  readonly at: number;
  readonly label: string;
}

const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3,
  1800e3, 3600e3, 7200e3, 14400e3, 28800e3, 86400e3,
];

/** Round times of a view, so many at most. */
export function timeTicks({ from, to }: TimeView, most: number): TimeTick[] {
  const shortest = (to - from) / Math.max(1, most);
  const step = STEPS.find((ms) => ms >= shortest) ?? Math.ceil(shortest / 86400e3) * 86400e3;
  const ticks: TimeTick[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to && ticks.length < most; at += step) {
    ticks.push({ at, label: clockText(at, step < 1000 ? String(step / 1000).length - 2 : 0) });
  }
  return ticks;
}

/** Minutes and seconds, such as `1:05`, `1:05.40` or `2:00:00`. */
export function clockText(ms: number, digits: number): string {
  const seconds = (ms / 1000) % 60;
  const minutes = Math.floor(ms / 60e3);
  const text = cut(seconds, digits).padStart(digits === 0 ? 2 : 3 + digits, '0');
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}:${text}` : `${hours}:${String(minutes % 60).padStart(2, '0')}:${text}`;
}

/** Not rounded, since 59.96 must not become 60. */
function cut(seconds: number, digits: number): string {
  return (Math.floor(seconds * 10 ** digits + 1e-6) / 10 ** digits).toFixed(digits);
}
