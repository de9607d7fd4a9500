import { useEffect, useLayoutEffect, useReducer, useRef } from 'preact/hooks';
import { ConsoleLine } from './console-line.js';
import type { LineRange } from './line-range.js';
import {
  endPlace,
  isMisplaced,
  movedPlace,
  placeOfLine,
  type ScrollGeometry,
  type ScrollState,
  scrolledTo,
  scrollTopOf,
  shownLines,
  spacerHeight,
  withinLines,
} from './scroll-place.js';
import { type FoundMatch, matchIn } from './search-progress.js';
import type { LoadedConsole } from './use-console-lines.js';
import type { SearchText } from './use-console-search.js';

/** A movement that was asked for; each one is another object. */
export type ScrollGoal =
  | { readonly line: number; readonly align: 'top' | 'middle' }
  | { readonly pixels: number }
  | { readonly end: true };

interface ConsoleViewProps {
  readonly lines: LoadedConsole;
  readonly goal: ScrollGoal | null;
  readonly isWrapped: boolean;
  readonly isFollowing: boolean;
  /** Somebody has scrolled away from the end, or to it. */
  readonly onFollow: (isFollowing: boolean) => void;
  /** Called with the first visible line. */
  readonly onTop: (line: number) => void;
  readonly search: SearchText | null;
  readonly matches: readonly FoundMatch[];
  readonly currentLine: number | null;
  readonly selection: LineRange | null;
  readonly onSelect: (number: number, isExtended: boolean) => void;
}

/** Pixels, as in `console.css`. */
const LINE_HEIGHT = 18;
/** Lines beyond the visible ones on each side. */
const BEYOND = 8;
const AT_END = 2;

/** The lines of a console in a window of their own. */
export function ConsoleView(props: ConsoleViewProps) {
  const { lines, goal, isWrapped, isFollowing, selection } = props;
  const [, render] = useReducer((n: number, _: null) => n + 1, 0);
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useRef<HTMLDivElement>(null);
  const viewport = useRef(0);
  const heights = useRef(new Map<number, number>());
  const state = useRef<ScrollState>({ place: { line: 0, offset: 0 }, scrollTop: 0 });
  const reachedGoal = useRef<ScrollGoal | null>(null);
  const isAtEnd = useRef(false);
  const total = lines.store.total ?? 0;

  const geometry: ScrollGeometry = {
    lines: total,
    viewport: Math.max(1, viewport.current),
    lineHeight: LINE_HEIGHT,
    heightOf: (line) => (isWrapped ? (heights.current.get(line) ?? LINE_HEIGHT) : LINE_HEIGHT),
  };
  const moveBar = () => {
    const element = scroller.current;
    if (element !== null) {
      element.scrollTop = scrollTopOf(state.current.place, geometry);
      state.current = { ...state.current, scrollTop: element.scrollTop };
    }
  };

  if (goal !== null && goal !== reachedGoal.current && total > 0 && viewport.current > 0) {
    reachedGoal.current = goal;
    isAtEnd.current = 'end' in goal;
    const place =
      'end' in goal
        ? endPlace(geometry)
        : 'pixels' in goal
          ? movedPlace(state.current.place, goal.pixels, geometry)
          : placeOfLine(goal.line, goal.align, geometry);
    state.current = { ...state.current, place };
  }
  const place =
    isFollowing || isAtEnd.current ? endPlace(geometry) : withinLines(state.current.place, geometry);
  state.current = { ...state.current, place };
  const { first, last, above } = shownLines(place, geometry, BEYOND);

  useEffect(() => lines.want(first, last), [first, last, lines.store, lines.want]);
  useEffect(() => props.onTop(place.line), [place.line]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) {
      return;
    }
    // A region that scrolls must be reachable by keys.
    element.tabIndex = 0;
    const observer = new ResizeObserver(() => {
      heights.current.clear();
      viewport.current = element.clientHeight;
      render(null);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    heights.current.clear();
    render(null);
  }, [isWrapped]);

  // After each rendering, since lines may have been loaded, opened or added.
  useLayoutEffect(() => {
    if (isWrapped && measure(rows.current, heights.current)) {
      render(null);
    }
    if (isMisplaced(state.current, geometry)) {
      moveBar();
    }
  });

  const onScroll = () => {
    const element = scroller.current;
    const before = state.current;
    if (element === null || element.scrollTop === before.scrollTop) {
      return;
    }
    state.current = scrolledTo(before, element.scrollTop, geometry);
    const end = endPlace(geometry);
    const { line, offset } = state.current.place;
    const reachesEnd = line === end.line && end.offset - offset < AT_END;
    isAtEnd.current = reachesEnd;
    if (reachesEnd !== isFollowing) {
      props.onFollow(reachesEnd);
    }
    render(null);
  };

  const numberWidth = `${Math.max(3, String(total).length)}ch`;
  return (
    <section
      ref={scroller}
      class={isWrapped ? 'console wrapped' : 'console'}
      aria-label="Console"
      onScroll={onScroll}
    >
      <div class="console-spacer" style={{ height: `${spacerHeight(geometry)}px` }}>
        <div
          class="console-window"
          style={{ height: `${viewport.current}px`, '--number-width': numberWidth }}
        >
          <div ref={rows} style={{ transform: `translateY(${-above}px)` }}>
            {numbersFrom(first, total === 0 ? -1 : last).map((number) => {
              const match = props.search === null ? null : matchIn(props.matches, number);
              return (
                <ConsoleLine
                  key={number}
                  number={number}
                  line={lines.store.line(number)}
                  isGone={number < lines.store.firstKept}
                  search={props.search}
                  match={match}
                  isCurrentMatch={number === props.currentLine}
                  isSelected={selection !== null && number >= selection.first && number <= selection.last}
                  onSelect={props.onSelect}
                />
              );
            })}
          </div>
        </div>
      </div>
    </section>
  );
}

function numbersFrom(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n);
}

/** Notes the heights of the rows. @returns whether any has changed */
function measure(rows: HTMLElement | null, heights: Map<number, number>): boolean {
  let hasChanged = false;
  for (const row of rows?.children ?? []) {
    const number = Number(row instanceof HTMLElement ? row.dataset.line : Number.NaN);
    const { height } = row.getBoundingClientRect();
    if (height >= 1 && Math.abs((heights.get(number) ?? LINE_HEIGHT) - height) > 0.5) {
      heights.set(number, height);
      hasChanged = true;
    }
  }
  return hasChanged;
}
