import type { TimelineRow } from '../timeline-bars.js';
import { firstAbove } from './bar-pixels.js';

/* Where the rows of a timeline are, in pixels from the top of the first one. */

/** The rows of a slave. */
export interface RowGroup {
  readonly name: string;
  readonly top: number;
  readonly bottom: number;
}

export interface RowPlaces {
  readonly rowHeight: number;
  /** By row. */
  readonly tops: readonly number[];
  readonly groups: readonly RowGroup[];
  readonly height: number;
}

/** All rows of a usual build fit into so many pixels; those of a large one are as low as they may be. */
const WISHED_HEIGHT = 520;
const ROW_HEIGHTS = { least: 6, most: 18 } as const;
/** Between slaves. */
const GAP = 4;
/** The name of a slave needs more room than a low row has. */
export const NAME_HEIGHT = 14;

export function rowPlaces(rows: readonly Pick<TimelineRow, 'slave'>[]): RowPlaces {
  const wished = Math.floor(WISHED_HEIGHT / Math.max(1, rows.length));
  const rowHeight = Math.max(ROW_HEIGHTS.least, Math.min(ROW_HEIGHTS.most, wished));
  const tops: number[] = [];
  const groups: RowGroup[] = [];
  let height = 0;
  for (const [index, { slave }] of rows.entries()) {
    const group = groups.at(-1);
    const isSame = group !== undefined && rows[index - 1]?.slave === slave;
    if (!isSame && group !== undefined) {
      height = Math.max(height, group.top + NAME_HEIGHT) + GAP;
    }
    tops.push(height);
    const top = isSame ? group.top : height;
    height += rowHeight;
    groups.splice(isSame ? -1 : groups.length, isSame ? 1 : 0, {
      name: slave ?? 'preparation',
      top,
      bottom: Math.max(height, top + NAME_HEIGHT),
    });
  }
  return { rowHeight, tops, groups, height: Math.max(height, groups.at(-1)?.bottom ?? 0) };
}

/** The row at a height, or the one above it; null above the first. */
export function rowAt({ tops }: RowPlaces, y: number): number | null {
  const next = firstAbove(tops.length, (row) => tops[row] ?? 0, y);
  return next === 0 ? null : next - 1;
}
