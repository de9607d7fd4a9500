import type { Utilization } from '../../../../protocol/slave/utilization-columns.js';

/* The load of the executors over some hours, for a chart, a table and a sentence. Nothing here needs a browser. */

/** Averages of a part of the time. */
export interface LoadPoint {
  /** Its beginning, in seconds since the epoch. */
  readonly at: number;
  readonly executors: number;
  readonly busy: number;
  readonly waiting: number;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
/** The most parts of the axis. */
const MOST_STEPS = 4;

/** A time in seconds since the epoch. */
export interface LoadSpan {
  readonly from: number;
  readonly to: number;
}

/** The hours before `now`, or the part of them since the first minute that is known. */
export function knownSpan({ at }: Pick<Utilization, 'at'>, now: number, hours: number): LoadSpan {
  const from = now - hours * HOUR;
  const [first = from] = at;
  return { from: Math.max(from, Math.min(first, now - MINUTE)), to: now };
}

/** A few times of a span for the axis below it, at equal distances, and at least a minute after one another. */
export function axisTimes({ from, to }: LoadSpan): number[] {
  const steps = Math.max(1, Math.min(MOST_STEPS, Math.floor((to - from) / MINUTE)));
  return Array.from({ length: steps + 1 }, (_, step) => from + ((to - from) * step) / steps);
}

/** A span in equal parts, of a minute at least and so many at most, oldest first; null where the master did not run. */
export function loadPoints(load: Utilization, { from, to }: LoadSpan, most: number): (LoadPoint | null)[] {
  const parts = Math.max(1, Math.min(most, Math.floor((to - from) / MINUTE)));
  const length = (to - from) / parts;
  const minutes = Array.from({ length: parts }, (): number[] => []);
  for (const [index, at] of load.at.entries()) {
    minutes[Math.floor((at - from) / length)]?.push(index);
  }
  return minutes.map((inside, part) => {
    const mean = (column: readonly number[]) =>
      inside.reduce((sum, index) => sum + (column[index] ?? 0), 0) / inside.length;
    return inside.length === 0
      ? null
      : {
          at: from + part * length,
          executors: mean(load.num_executors),
          busy: mean(load.num_executors_busy),
          waiting: mean(load.num_waiting),
        };
  });
}

/**
 * The path of areas between the values and 0, in a box of `width` and `height` whose top is `highest`. Each value is a step
 * of the same width; a null leaves a gap.
 */
export function areaPath(
  values: readonly (number | null)[],
  highest: number,
  { width, height }: { readonly width: number; readonly height: number },
): string {
  const step = width / Math.max(1, values.length);
  const at = (place: number) => rounded(place * step);
  return values
    .map((value, place) => {
      if (value === null) {
        return '';
      }
      const y = rounded(height - (height * Math.min(value, highest)) / Math.max(highest, Number.MIN_VALUE));
      const begins = (values[place - 1] ?? null) === null;
      const ends = (values[place + 1] ?? null) === null;
      return `${begins ? `M${at(place)} ${height}` : ''}V${y}H${at(place + 1)}${ends ? `V${height}Z` : ''}`;
    })
    .join('');
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** The highest of these values; 0 without any. */
export function highestOf(values: readonly (number | null)[]): number {
  return values.reduce<number>((highest, value) => Math.max(highest, value ?? 0), 0);
}

/** `12.3` and `120`: a decimal only where it says something. */
export function averageText(value: number): string {
  const text = value >= 99.5 ? String(Math.round(value)) : value.toFixed(1);
  return text.replace(/\.0$/, '');
}

/** The chart in words. `timeText` writes a time in seconds since the epoch. */
export function loadSummary(points: readonly (LoadPoint | null)[], timeText: (at: number) => string): string {
  const known = points.filter((point) => point !== null);
  const mean = (value: (point: LoadPoint) => number) =>
    known.reduce((sum, point) => sum + value(point), 0) / known.length;
  const [executors, busy] = [mean((point) => point.executors), mean((point) => point.busy)];
  if (known.length === 0) {
    return 'Nothing is known of this time yet.';
  }
  if (executors === 0) {
    return 'No slave was connected.';
  }
  const most = known.reduce((one, other) => (other.waiting > one.waiting ? other : one));
  const share = Math.round((100 * busy) / executors);
  return (
    `On average ${averageText(busy)} of ${averageText(executors)} executors worked (${share} %). ` +
    (most.waiting < 0.05
      ? 'Nothing waited for one.'
      : `The most subjobs waited at ${timeText(most.at)}: about ${Math.ceil(most.waiting)}.`)
  );
}
