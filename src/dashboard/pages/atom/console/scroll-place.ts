/*
 * Scrolling through any number of lines. Browsers limit the height of an element to some millions of pixels, so the scroll
 * bar stands for a part of the lines only. A small movement moves the lines by as many pixels. A large one, when the bar is
 * dragged, goes to the proportional line. Nothing here needs a browser.
 */

/** Browsers allow 17 to 33 million pixels. */
export const MAX_SPACER = 8_000_000;
/** A movement of more than so many windows is a jump. */
const JUMP_WINDOWS = 3;

/** The line at the top of the window, and how many of its pixels are above it. */
export interface ScrollPlace {
  readonly line: number;
  readonly offset: number;
}

export interface ScrollGeometry {
  /** How many lines there are. */
  readonly lines: number;
  /** Height of the window. */
  readonly viewport: number;
  /** Height of most lines. */
  readonly lineHeight: number;
  /** Height of a line that was measured, or `lineHeight`; at least 1. */
  readonly heightOf: (line: number) => number;
}

/** The position of the browser's scroll bar, and the place that is shown. */
export interface ScrollState {
  readonly place: ScrollPlace;
  readonly scrollTop: number;
}

const START: ScrollPlace = { line: 0, offset: 0 };

/** Height of the element that gives the scroll bar its length. */
export function spacerHeight({ lines, viewport, lineHeight }: ScrollGeometry): number {
  return Math.max(viewport, Math.min(MAX_SPACER, lines * lineHeight));
}

/** The place at which the last line is at the bottom of the window. */
export function endPlace({ lines, viewport, heightOf }: ScrollGeometry): ScrollPlace {
  let height = 0;
  for (let line = lines - 1; line >= 0; line -= 1) {
    height += heightOf(line);
    if (height >= viewport) {
      return { line, offset: height - viewport };
    }
  }
  return START;
}

/** The place `pixels` below, within the lines. */
export function movedPlace(place: ScrollPlace, pixels: number, geometry: ScrollGeometry): ScrollPlace {
  const { lines, heightOf } = geometry;
  let { line } = place;
  let offset = place.offset + pixels;
  while (offset < 0 && line > 0) {
    line -= 1;
    offset += heightOf(line);
  }
  while (line < lines - 1 && offset >= heightOf(line)) {
    offset -= heightOf(line);
    line += 1;
  }
  return withinLines({ line, offset }, geometry);
}

/** The place itself, or the start or the end if it is beyond that. */
export function withinLines(place: ScrollPlace, geometry: ScrollGeometry): ScrollPlace {
  if (place.line < 0 || place.offset < 0) {
    return START;
  }
  const end = endPlace(geometry);
  const isBeyond = place.line > end.line || (place.line === end.line && place.offset > end.offset);
  return isBeyond ? end : place;
}

/** The place at which a line is in the middle of the window, or at its top. */
export function placeOfLine(line: number, align: 'top' | 'middle', geometry: ScrollGeometry): ScrollPlace {
  const start = { line: Math.max(0, Math.min(line, geometry.lines - 1)), offset: 0 };
  const above = align === 'top' ? 0 : (geometry.viewport - geometry.heightOf(start.line)) / 2;
  return movedPlace(start, -Math.max(0, above), geometry);
}

/**
 * The position of the scroll bar for a place. It is in proportion, but before each end there is as much room as there are
 * pixels to go on, up to the height of the window. Otherwise the bar would be at its end before the lines are.
 */
export function scrollTopOf(place: ScrollPlace, geometry: ScrollGeometry): number {
  const { viewport } = geometry;
  const end = endPlace(geometry);
  const range = spacerHeight(geometry) - viewport;
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
  if (upper.line > lower.line) {
    return 0;
  }
  let pixels = lower.offset;
  for (let line = lower.line - 1; line >= upper.line && pixels < viewport + upper.offset; line -= 1) {
    pixels += heightOf(line);
  }
  return Math.max(0, Math.min(viewport, pixels - upper.offset));
}

/** The place for which the scroll bar stands there. */
function placeAt(scrollTop: number, geometry: ScrollGeometry): ScrollPlace {
  const range = spacerHeight(geometry) - geometry.viewport;
  if (range <= 0 || scrollTop <= 0) {
    return START;
  }
  const position = Math.min(1, scrollTop / range) * positionOf(endPlace(geometry), geometry);
  const line = Math.floor(position);
  return withinLines({ line, offset: (position - line) * geometry.heightOf(line) }, geometry);
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

/** Whether the scroll bar must be moved to where its place is, since it comes to an end before or after the lines do. */
export function isMisplaced({ place, scrollTop }: ScrollState, geometry: ScrollGeometry): boolean {
  const range = spacerHeight(geometry) - geometry.viewport;
  const right = scrollTopOf(place, geometry);
  const isNear = (top: number) => top < geometry.viewport || top > range - geometry.viewport;
  return Math.abs(scrollTop - right) > 1 && (isNear(scrollTop) || isNear(right));
}

/** The lines in the window, and so many beyond it on each side; both inclusive. `above`: the pixels of those before the window. */
export function shownLines(
  { line, offset }: ScrollPlace,
  { lines, viewport, heightOf }: ScrollGeometry,
  beyond: number,
): { readonly first: number; readonly last: number; readonly above: number } {
  const first = Math.max(0, line - beyond);
  let above = offset;
  for (let n = first; n < line; n += 1) {
    above += heightOf(n);
  }
  let last = line;
  for (let height = -offset; height < viewport && last < lines; last += 1) {
    height += heightOf(last);
  }
  return { first, last: Math.min(lines - 1, last - 1 + beyond), above };
}

function positionOf({ line, offset }: ScrollPlace, { heightOf }: ScrollGeometry): number {
  return line + offset / heightOf(line);
}
