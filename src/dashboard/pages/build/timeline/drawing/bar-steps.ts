import type { Bar, TimelineRow } from '../timeline-bars.js';
import { nearestPlace } from './bar-pixels.js';

/* Moving from bar to bar by keys. */

export interface BarPlace {
  readonly row: number;
  readonly place: number;
}

export function barIn(rows: readonly TimelineRow[], { row, place }: BarPlace): Bar | null {
  return rows[row]?.bars[place] ?? null;
}

/** The bar that a key leads to; null for keys without a meaning, and where there is none. */
export function stepTo(rows: readonly TimelineRow[], at: BarPlace, key: string): BarPlace | null {
  const bar = barIn(rows, at);
  const last = (rows[at.row]?.bars.length ?? 0) - 1;
  const inRow = (place: number) => (place < 0 || place > last ? null : { row: at.row, place });
  const inOther = (by: number) => {
    const row = at.row + by;
    const other = rows[row];
    const place = other === undefined || bar === null ? null : nearestPlace(other, bar.start);
    return place === null ? null : { row, place };
  };
  switch (key) {
    case 'ArrowLeft':
      return inRow(at.place - 1);
    case 'ArrowRight':
      return inRow(at.place + 1);
    case 'Home':
      return inRow(0);
    case 'End':
      return inRow(last);
    case 'ArrowUp':
      return inOther(-1);
    case 'ArrowDown':
      return inOther(1);
    default:
      return null;
  }
}

/** The place of the same bar in a later timeline of the build; null when it is not there any more. */
export function sameBar(
  before: readonly TimelineRow[],
  at: BarPlace,
  rows: readonly TimelineRow[],
): BarPlace | null {
  const bar = barIn(before, at);
  const row = rows.findIndex(({ key }) => key === before[at.row]?.key);
  // It may have ended since.
  const place = rows[row]?.bars.findIndex(({ id, start }) => id === bar?.id && start === bar.start) ?? -1;
  return place === -1 ? null : { row, place };
}
