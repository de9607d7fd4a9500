import fc from 'fast-check';
import type { BarKind } from '../../src/dashboard/pages/build/timeline/bar-looks.js';
import {
  type Bar,
  type BuildTimeline,
  rowOf,
  type TimelineRow,
} from '../../src/dashboard/pages/build/timeline/timeline-bars.js';

/** A bar of the slave of all samples. */
export function bar(start: number, end: number, kind: BarKind = 'passed', id = 0): Bar {
  return { start, end, kind, id, slave: 'one' };
}

/** An executor of that slave. */
export function row(bars: readonly Bar[], executor = 0): TimelineRow {
  return rowOf({ key: `1/${executor}`, slave: 'one', executor }, [...bars]);
}

export function preparationRow(start: number, end: number): TimelineRow {
  const bars = [bar(start, end, 'preparation')];
  return rowOf({ key: 'preparation', slave: null, executor: null }, bars);
}

export function timeline(
  rows: readonly TimelineRow[],
  end: number,
  more: Partial<BuildTimeline> = {},
): BuildTimeline {
  return { begins: 1_700_000_000, end, isComplete: true, numUnplaced: 0, rows, ...more };
}

const kinds = ['passed', 'passed', 'failed', 'flaky', 'retried', 'setup'] as const;

/** Rows of bars that follow each other, with gaps; the times are whole milliseconds. */
export const anyRow: fc.Arbitrary<TimelineRow> = fc
  .array(
    fc.record({
      gap: fc.oneof(fc.constant(0), fc.nat(5), fc.nat(3000)),
      length: fc.oneof(fc.nat(3), fc.nat(4000)),
      kind: fc.constantFrom(...kinds),
    }),
    { maxLength: 80 },
  )
  .map((steps) => {
    let at = 0;
    return row(
      steps.map(({ gap, length, kind }, id) => {
        const start = at + gap;
        at = start + length;
        return bar(start, at, kind, id);
      }),
    );
  });

/** As they are where a lost lease contains the runs of its atoms. */
export const anyNestedRow: fc.Arbitrary<TimelineRow> = fc
  .tuple(anyRow, fc.nat(20_000), fc.nat(20_000))
  .map(([{ bars }, start, length]) => row([bar(start, start + length, 'work lost'), ...bars]));
