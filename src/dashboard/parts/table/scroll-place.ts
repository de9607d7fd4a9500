/*
 * Scrolling through any number of rows. Browsers limit the height of an element to some millions of pixels, so the scroll
 * bar stands for a part of the rows only. A small movement moves the rows by as many pixels. A large one, when the bar is
 * dragged, goes to the proportional row. Nothing here needs a browser.
 */

/** Browsers allow 17 to 33 million pixels. */
export const MAX_SPACER = 8_000_000;
/** A movement of more than so many windows is a jump. */
const JUMP_WINDOWS = 3;

/** The row at the top of the window, and how many of its pixels are above it. */
export interface ScrollPlace {
  readonly row: number;
  readonly offset: number;
}

export interface ScrollGeometry {
  /** How many rows there are. */
  readonly rows: number;
  /** Height of the window. */
  readonly viewport: number;
  /** Height of most rows. */
  readonly rowHeight: number;
  /** Height of a row that was measured, or `rowHeight`; at least 1. */
  readonly heightOf: (row: number) => number;
}

/** The position of the browser's scroll bar, and the place that is shown. */
export interface ScrollState {
  readonly place: ScrollPlace;
  readonly scrollTop: number;
}

const START: ScrollPlace = { row: 0, offset: 0 };

/** A movement that was asked for; each one is another object. `near`: only so far that the row is in the window. */
export type ScrollGoal =
  | { readonly row: number; readonly align: 'top' | 'middle' | 'near' }
  | { readonly pixels: number }
  | { readonly end: true };

/** Height of the element that contains the rows in the document. */
export function listHeight({ rows, rowHeight }: Pick<ScrollGeometry, 'rows' | 'rowHeight'>): number {
  return Math.min(MAX_SPACER, rows * rowHeight);
}

/** How far the scroll bar moves. */
export function scrollRange(geometry: ScrollGeometry): number {
  return Math.max(0, listHeight(geometry) - geometry.viewport);
}

/** The place at which the last row is at the bottom of the window. */
export function endPlace({ rows, viewport, heightOf }: ScrollGeometry): ScrollPlace {
  let height = 0;
  for (let row = rows - 1; row >= 0; row -= 1) {
    height += heightOf(row);
    if (height >= viewport) {
      return { row, offset: height - viewport };
    }
  }
  return START;
}

/** The place `pixels` below, within the rows. */
export function movedPlace(place: ScrollPlace, pixels: number, geometry: ScrollGeometry): ScrollPlace {
  const { rows, heightOf } = geometry;
  let { row } = place;
  let offset = place.offset + pixels;
  while (offset < 0 && row > 0) {
    row -= 1;
    offset += heightOf(row);
  }
  while (row < rows - 1 && offset >= heightOf(row)) {
    offset -= heightOf(row);
    row += 1;
  }
  return withinRows({ row, offset }, geometry);
}

/** The place itself, or the start or the end if it is beyond that. */
export function withinRows(place: ScrollPlace, geometry: ScrollGeometry): ScrollPlace {
  if (place.row < 0 || place.offset < 0) {
    return START;
  }
  const end = endPlace(geometry);
  return isAbove(end, place) ? end : place;
}

function isAbove(one: ScrollPlace, other: ScrollPlace): boolean {
  return one.row < other.row || (one.row === other.row && one.offset < other.offset);
}

/** The place at which a row is in the middle of the window, or at its top. */
export function placeOfRow(row: number, align: 'top' | 'middle', geometry: ScrollGeometry): ScrollPlace {
  const start = { row: Math.max(0, Math.min(row, geometry.rows - 1)), offset: 0 };
  const above = align === 'top' ? 0 : (geometry.viewport - geometry.heightOf(start.row)) / 2;
  return movedPlace(start, -Math.max(0, above), geometry);
}

/** The place at which a row is whole in the window, as near as possible to another place. */
function placeNear(row: number, place: ScrollPlace, geometry: ScrollGeometry): ScrollPlace {
  const { viewport, heightOf } = geometry;
  const atTop = placeOfRow(row, 'top', geometry);
  const atBottom = movedPlace({ row, offset: 0 }, heightOf(row) - viewport, geometry);
  return isAbove(atTop, place) ? atTop : isAbove(place, atBottom) ? atBottom : place;
}

/** The place to which a goal leads from another one. */
export function placeOfGoal(goal: ScrollGoal, from: ScrollPlace, geometry: ScrollGeometry): ScrollPlace {
  if ('end' in goal) {
    return endPlace(geometry);
  }
  if ('pixels' in goal) {
    return movedPlace(from, goal.pixels, geometry);
  }
  const { row, align } = goal;
  return align === 'near' ? placeNear(row, from, geometry) : placeOfRow(row, align, geometry);
}

/**
 * The position of the scroll bar for a place. It is in proportion, but before each end there is as much room as there are
 * pixels to go on, up to the height of the window. Otherwise the bar would be at its end before the rows are.
 */
export function scrollTopOf(place: ScrollPlace, geometry: ScrollGeometry): number {
  const end = endPlace(geometry);
  const range = scrollRange(geometry);
  const whole = positionOf(end, geometry);
  const proportional = whole === 0 ? 0 : Math.min(1, positionOf(place, geometry) / whole) * range;
  const [before, after] = [pixelsBetween(START, place, geometry), pixelsBetween(place, end, geometry)];
  return before + after > range ? proportional : Math.max(before, Math.min(proportional, range - after));
}

/** The pixels from one place down to another one, at most the height of the window. */
function pixelsBetween(
  upper: ScrollPlace,
  lower: ScrollPlace,
  { viewport, heightOf }: ScrollGeometry,
): number {
  if (upper.row > lower.row) {
    return 0;
  }
  let pixels = lower.offset;
  for (let row = lower.row - 1; row >= upper.row && pixels < viewport + upper.offset; row -= 1) {
    pixels += heightOf(row);
  }
  return Math.max(0, Math.min(viewport, pixels - upper.offset));
}

/** The place for which the scroll bar stands there. */
function placeAt(scrollTop: number, geometry: ScrollGeometry): ScrollPlace {
  const range = scrollRange(geometry);
  if (range <= 0 || scrollTop <= 0) {
    return START;
  }
  const position = Math.min(1, scrollTop / range) * positionOf(endPlace(geometry), geometry);
  const row = Math.floor(position);
  return withinRows({ row, offset: (position - row) * geometry.heightOf(row) }, geometry);
}

/** The state after the browser has scrolled. */
export function scrolledTo(
  { place, scrollTop }: ScrollState,
  now: number,
  geometry: ScrollGeometry,
): ScrollState {
  const pixels = now - scrollTop;
  const isJump = Math.abs(pixels) > JUMP_WINDOWS * geometry.viewport;
  return { place: isJump ? placeAt(now, geometry) : movedPlace(place, pixels, geometry), scrollTop: now };
}

/** Whether the scroll bar must be moved to where its place is, since it comes to an end before or after the rows do. */
export function isMisplaced({ place, scrollTop }: ScrollState, geometry: ScrollGeometry): boolean {
  const range = scrollRange(geometry);
  const right = scrollTopOf(place, geometry);
  const isNear = (top: number) => top < geometry.viewport || top > range - geometry.viewport;
  return Math.abs(scrollTop - right) > 1 && (isNear(scrollTop) || isNear(right));
}

/** The rows in the window, and so many beyond it on each side; both inclusive. `above`: the pixels of those before the window. */
export function shownRows(
  { row, offset }: ScrollPlace,
  { rows, viewport, heightOf }: ScrollGeometry,
  beyond: number,
): { readonly first: number; readonly last: number; readonly above: number } {
  const first = Math.max(0, row - beyond);
  let above = offset;
  for (let n = first; n < row; n += 1) {
    above += heightOf(n);
  }
  let last = row;
  for (let height = -offset; height < viewport && last < rows; last += 1) {
    height += heightOf(last);
  }
  return { first, last: Math.min(rows - 1, last - 1 + beyond), above };
}

function positionOf({ row, offset }: ScrollPlace, { heightOf }: ScrollGeometry): number {
  return row + offset / heightOf(row);
}

/** The numbers from `first` to `last`; none if `last` is less. */
export function indexesFrom(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n);
}
