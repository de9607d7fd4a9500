import type { RefObject } from 'preact';
import { useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';
import { type RowKey, rowShift } from './row-shift.js';
import {
  endPlace,
  indexesFrom,
  isMisplaced,
  listHeight,
  placeOfGoal,
  type ScrollGeometry,
  type ScrollGoal,
  type ScrollState,
  scrolledTo,
  scrollRange,
  scrollTopOf,
  shownRows,
  withinRows,
} from './scroll-place.js';

export interface VirtualListOptions {
  /** How many rows there are. */
  readonly count: number;
  /** Pixels, as in the styles; of most rows if they are measured. */
  readonly rowHeight: number;
  /** Whether the window scrolls the list, and not an element of its own. */
  readonly isInWindow?: boolean;
  /** Pixels of the window that something covers at its top, such as the head of a table. */
  readonly coveredTop?: number;
  /** Whether rows may be higher than `rowHeight`. */
  readonly isMeasured?: boolean;
  /** Whether it stays at its end while rows are added. */
  readonly isFollowing?: boolean;
  /** Reached once, as soon as it can be. */
  readonly goal?: ScrollGoal | null;
  /** Identifies a row, so that rows which are added above the visible ones do not move them; null while it is not loaded. */
  readonly keyAt?: (index: number) => RowKey | null;
  /** Called when somebody has scrolled. */
  readonly onScrolled?: (isAtEnd: boolean) => void;
}

export interface VirtualList<Box, Rows> {
  /** For the element that scrolls, or contains the rows in the window. */
  readonly box: RefObject<Box | null>;
  /** For the element whose children are the rows; needed if they are measured. */
  readonly rows: RefObject<Rows | null>;
  /** The rows to render, both inclusive; `last` is less than `first` when there are none. */
  readonly first: number;
  readonly last: number;
  /** The first visible row. */
  readonly top: number;
  /** Pixels from the top of the list to the first row to render. */
  readonly start: number;
  /** Height of the list. */
  readonly height: number;
}

/** Rows beyond the visible ones on each side. */
const BEYOND = 10;
const AT_END = 2;

interface ListMemory {
  count: number;
  viewport: number;
  readonly heights: Map<number, number>;
  state: ScrollState;
  reachedGoal: ScrollGoal | null;
  /** It stays at its end when the heights of rows change. */
  isAtEnd: boolean;
  /** Whether the scroll bar has to follow the place. */
  isBarDue: boolean;
  /** The indexes of the visible rows by their keys. */
  visible: ReadonlyMap<RowKey, number>;
}

function newMemory(): ListMemory {
  return {
    count: 0,
    viewport: 0,
    heights: new Map(),
    state: { place: { row: 0, offset: 0 }, scrollTop: 0 },
    reachedGoal: null,
    isAtEnd: false,
    isBarDue: false,
    visible: new Map(),
  };
}

/** The part of a long list that is in the document. */
export function useVirtualList<Box extends HTMLElement, Rows extends HTMLElement = Box>(
  options: VirtualListOptions,
): VirtualList<Box, Rows> {
  const { count, rowHeight, isInWindow = false, coveredTop = 0, isMeasured = false } = options;
  const [, render] = useReducer((n: number, _: null) => n + 1, 0);
  const box = useRef<Box>(null);
  const rows = useRef<Rows>(null);
  const [memory] = useState(newMemory);
  const geometry: ScrollGeometry = {
    rows: count,
    viewport: Math.max(1, memory.viewport),
    rowHeight,
    heightOf: (row) => (isMeasured ? (memory.heights.get(row) ?? rowHeight) : rowHeight),
  };
  setPlace(memory, options, geometry);
  const { place, scrollTop } = memory.state;
  const { first, last, above } = shownRows(place, geometry, BEYOND);

  const isScrolled = (): boolean => {
    const now = box.current === null ? scrollTop : positionOf(box.current, isInWindow, geometry);
    if (now === memory.state.scrollTop) {
      return false;
    }
    memory.state = scrolledTo(memory.state, now, geometry);
    const end = endPlace(geometry);
    const { row, offset } = memory.state.place;
    memory.isAtEnd = row === end.row && end.offset - offset < AT_END;
    return true;
  };
  const onScroll = useRef<() => void>(() => undefined);
  onScroll.current = () => {
    if (box.current !== null && viewportOf(box.current, isInWindow, coveredTop) !== memory.viewport) {
      // The browser has moved the rows since the window has another height now, and reports that height after this.
      render(null);
    } else if (isScrolled()) {
      options.onScrolled?.(memory.isAtEnd);
      render(null);
    }
  };

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) {
      return;
    }
    const scroller = isInWindow ? window : element;
    const resize = () => {
      memory.heights.clear();
      memory.viewport = viewportOf(element, isInWindow, coveredTop);
      render(null);
    };
    const scroll = () => onScroll.current();
    // Other parts of the page may push a list in the window down.
    const observer = new ResizeObserver(resize);
    observer.observe(isInWindow ? document.documentElement : element);
    window.addEventListener('resize', resize);
    scroller.addEventListener('scroll', scroll, { passive: true });
    resize();
    return () => {
      observer.disconnect();
      window.removeEventListener('resize', resize);
      scroller.removeEventListener('scroll', scroll);
    };
  }, [isInWindow]);
  useLayoutEffect(() => {
    memory.heights.clear();
    render(null);
  }, [isMeasured]);

  // After each rendering, since rows may have been loaded, opened or added.
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) {
      return;
    }
    let isChanged = isMeasured && measure(rows.current, first, geometry, memory.heights);
    if (memory.isBarDue || isMisplaced(memory.state, geometry)) {
      memory.isBarDue = false;
      moveBar(element, isInWindow, scrollTopOf(place, geometry), geometry);
      const now = positionOf(element, isInWindow, geometry);
      isChanged ||= now !== memory.state.scrollTop;
      memory.state = { place, scrollTop: now };
    } else if (isInWindow && isScrolled()) {
      isChanged = true;
    }
    if (isChanged) {
      render(null);
    }
  });

  const start = Math.max(0, scrollTop - above);
  return {
    box,
    rows,
    first,
    last: count === 0 ? -1 : last,
    top: place.row,
    start,
    height: listHeight(geometry),
  };
}

/** Sets the place to render: that of a goal, of the rows that were visible, or at the end. */
function setPlace(memory: ListMemory, options: VirtualListOptions, geometry: ScrollGeometry): void {
  const { count, goal = null, isFollowing = false, keyAt } = options;
  let { place } = memory.state;
  if (count !== memory.count) {
    memory.count = count;
    memory.isAtEnd = false;
  }
  if (goal !== null && goal !== memory.reachedGoal && count > 0 && memory.viewport > 0) {
    memory.reachedGoal = goal;
    memory.isAtEnd = 'end' in goal;
    memory.isBarDue = true;
    place = placeOfGoal(goal, place, geometry);
  } else if (keyAt !== undefined && memory.state.scrollTop > 0) {
    const shift = rowShift(memory.visible, keyAt);
    memory.isBarDue ||= shift !== 0;
    place = { ...place, row: Math.max(0, place.row + shift) };
  }
  place = isFollowing || memory.isAtEnd ? endPlace(geometry) : withinRows(place, geometry);
  memory.state = { ...memory.state, place };
  if (keyAt !== undefined) {
    const { first, last } = shownRows(place, geometry, 0);
    memory.visible = new Map(
      indexesFrom(first, last).flatMap((index): [RowKey, number][] => {
        const key = keyAt(index);
        return key === null ? [] : [[key, index]];
      }),
    );
  }
}

/** Pixels of the window in which rows are visible. */
function viewportOf(box: HTMLElement, isInWindow: boolean, coveredTop: number): number {
  return isInWindow ? window.innerHeight - coveredTop : box.clientHeight;
}

/** The position of the scroll bar within the list. */
function positionOf(box: HTMLElement, isInWindow: boolean, geometry: ScrollGeometry): number {
  const top = isInWindow ? -box.getBoundingClientRect().top : box.scrollTop;
  return Math.max(0, Math.min(top, scrollRange(geometry)));
}

/** Moves the scroll bar, but not from what is above or below a list in the window to its start or end. */
function moveBar(box: HTMLElement, isInWindow: boolean, to: number, geometry: ScrollGeometry): void {
  if (!isInWindow) {
    box.scrollTop = to;
  } else if (positionOf(box, true, geometry) !== to) {
    window.scrollBy({ top: to + box.getBoundingClientRect().top, behavior: 'instant' });
  }
}

/** Notes the heights of the rendered rows, the first of which has the index `first`. @returns whether any has changed */
function measure(
  rows: HTMLElement | null,
  first: number,
  { heightOf }: ScrollGeometry,
  heights: Map<number, number>,
): boolean {
  let hasChanged = false;
  for (const [place, row] of [...(rows?.children ?? [])].entries()) {
    const { height } = row.getBoundingClientRect();
    if (height >= 1 && Math.abs(heightOf(first + place) - height) > 0.5) {
      heights.set(first + place, height);
      hasChanged = true;
    }
  }
  return hasChanged;
}
