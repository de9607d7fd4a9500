import { type BarKind, barLooks, isOfAtom } from './bar-looks.js';
import type { Bar, BuildTimeline, TimelineRow } from './timeline-bars.js';

/* Why a build took so long, in numbers. Times are milliseconds. */

/** The time of executors from the first work to the end of the build, and what it went to. The parts make up `all`. */
export interface ExecutorTime {
  readonly all: number;
  readonly tests: number;
  readonly setup: number;
  /** Failed runs of atoms that ran again. */
  readonly retried: number;
  /** Work without a result. */
  readonly fruitless: number;
  /** Without work for this build. */
  readonly idle: number;
}

export interface TimelineSummary {
  readonly total: number;
  readonly isComplete: boolean;
  /** From the request to the beginning of the preparation. */
  readonly waiting: number;
  readonly preparation: number;
  readonly numExecutors: number;
  readonly time: ExecutorTime;
  readonly numRetried: number;
  /** The longest last run of an atom. */
  readonly slowest: Bar | null;
  /** The end, in which one executor alone was busy; null when it was short. */
  readonly tail: {
    readonly duration: number;
    /** The atom that ran in all of it; null when there were several. */
    readonly bar: Bar | null;
  } | null;
  /** How long before the last executor half of them had ended their work for the build. */
  readonly unevenness: number;
}

/** Shorter tails than this part of the total are usual. */
const TAIL_PART = 0.05;
const SHORTEST_TAIL_MS = 1000;

export function timelineSummary(timeline: BuildTimeline): TimelineSummary {
  const { rows: all, end, isComplete } = timeline;
  const rows = all.filter(({ slave, bars }) => slave !== null && bars.length > 0);
  const preparation = all.find(({ slave }) => slave === null)?.bars ?? [];
  const ends = rows.map((row) => endOfRow(row, end)).sort((a, b) => b - a);
  const [last = 0] = ends;
  const count = (kind: BarKind) =>
    rows.reduce((sum, { bars }) => sum + bars.filter((bar) => bar.kind === kind).length, 0);
  return {
    total: end,
    isComplete,
    waiting: Math.min(end, preparation[0]?.start ?? end),
    preparation: preparation.reduce((sum, bar) => sum + durationOf(bar, end), 0),
    numExecutors: rows.length,
    time: executorTime(rows, end),
    numRetried: count('retried'),
    slowest: slowestRuns(timeline, 1)[0] ?? null,
    tail: tailOf(rows, ends, end),
    unevenness: last - (ends[Math.floor(ends.length / 2)] ?? last),
  };
}

/** So far, for a bar that goes on. */
export function durationOf({ start, end }: Bar, now: number): number {
  return Math.max(0, Math.min(end, now) - start);
}

/** The last runs of atoms that took longest, longest first. */
export function slowestRuns({ rows, end }: BuildTimeline, count: number): Bar[] {
  const longest: Bar[] = [];
  for (const { bars } of rows) {
    for (const bar of bars) {
      const last = longest[count - 1];
      const duration = durationOf(bar, end);
      if (barLooks[bar.kind].part === 'tests' && (last === undefined || duration > durationOf(last, end))) {
        const place = longest.findIndex((other) => durationOf(other, end) < duration);
        longest.splice(place === -1 ? longest.length : place, 0, bar);
        longest.splice(count);
      }
    }
  }
  return longest;
}

function endOfRow({ reach }: TimelineRow, end: number): number {
  return Math.min(end, reach.at(-1) ?? 0);
}

/**
 * Goes through the bars of each row by start. Time that several bars cover belongs to the one that began first, such as
 * that of atoms to the lost work that contained them.
 */
function executorTime(rows: readonly TimelineRow[], end: number): ExecutorTime {
  const parts = { tests: 0, setup: 0, retried: 0, fruitless: 0 };
  const begins = rows.reduce((first, { bars }) => Math.min(first, bars[0]?.start ?? end), end);
  for (const { bars } of rows) {
    let reached = begins;
    for (const bar of bars) {
      const until = Math.min(bar.end, end);
      parts[barLooks[bar.kind].part] += Math.max(0, until - Math.max(reached, bar.start));
      reached = Math.max(reached, until);
    }
  }
  const all = rows.length * (end - begins);
  return { all, ...parts, idle: all - parts.tests - parts.setup - parts.retried - parts.fruitless };
}

function tailOf(
  rows: readonly TimelineRow[],
  [last = 0, second = 0]: readonly number[],
  end: number,
): TimelineSummary['tail'] {
  const duration = last - second;
  if (rows.length < 2 || duration < Math.max(SHORTEST_TAIL_MS, end * TAIL_PART)) {
    return null;
  }
  const row = rows.find((one) => endOfRow(one, end) === last);
  const inTail = row?.bars.filter((bar) => isOfAtom(bar.kind) && Math.min(bar.end, end) > second) ?? [];
  const [bar] = inTail;
  return { duration, bar: bar !== undefined && inTail.length === 1 ? bar : null };
}
