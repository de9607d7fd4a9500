import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Build } from '../../../../protocol/build/build.js';
import { useShortcuts } from '../../../parts/keys/shortcuts.js';
import { navigate } from '../../../router/location.js';
import { pathTo } from '../../../router/page-paths.js';
import { resolvedColor } from '../../../style/resolved-color.js';
import { theme } from '../../../style/theme.js';
import { isAtomId, useAtomNames } from './atom-names.js';
import { isOfAtom } from './bar-looks.js';
import { BarTip, barText } from './bar-tip.js';
import { placeAt } from './drawing/bar-pixels.js';
import { type BarPlace, barIn, sameBar, stepTo } from './drawing/bar-steps.js';
import { BusyProfile } from './drawing/busy-profile.js';
import { PressedPointers } from './drawing/pointer-moves.js';
import { type RowPlaces, rowAt, rowPlaces } from './drawing/row-places.js';
import { followed, panned, revealed, type TimeView, wholeView, zoomed, zoomOf } from './drawing/time-view.js';
import { HEAD_HEIGHT, paintTimeline } from './drawing/timeline-painting.js';
import type { BuildTimeline } from './timeline-bars.js';
import { TimelineLegend } from './timeline-legend.js';
import { useZoom } from './use-zoom.js';

interface TimelineCanvasProps {
  readonly build: Build;
  readonly timeline: BuildTimeline;
}

const ZOOM_STEP = 1.5;
const PAN_PART = 0.25;
/** Pixels of a character of a name, and of the number of an executor. */
const NAME_CHAR = 6;
const NUMBER_WIDTH = 26;
/** The head has a word too. */
const LEAST_CHARS = 5;
/** Pixels around a bar that belong to it. */
const TOLERANCE = 4;

/** The bars of a build, to zoom, to move and to walk through. */
export function TimelineCanvas({ build, timeline }: TimelineCanvasProps) {
  const { rows, end } = timeline;
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const pointers = useRef(new PressedPointers());
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [scrollTop, setScrollTop] = useState(0);
  const [zoom, setZoom] = useZoom(end);
  const [hovered, setHovered] = useState<BarPlace | null>(null);
  const [focused, setFocused] = useState<BarPlace | null>(null);
  const colors = useColors();
  const profile = useMemo(() => new BusyProfile(timeline), [timeline]);
  const places = useMemo(() => rowPlaces(rows), [rows]);
  const view = zoom ?? wholeView(end);
  const gutter = gutterWidth(places, size.width);
  const chart = Math.max(1, size.width - gutter);
  const timeAt = (x: number) => view.from + ((x - gutter) / chart) * (view.to - view.from);

  const latest = useRef(timeline);
  useLayoutEffect(() => {
    const before = latest.current;
    latest.current = timeline;
    if (before !== timeline) {
      setZoom((shown) => (shown === null ? null : followed(shown, before.end, timeline.end)));
      const moved = (at: BarPlace | null) => at && sameBar(before.rows, at, timeline.rows);
      setFocused(moved);
      setHovered(moved);
    }
  }, [timeline]);
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      const { clientWidth: width = 0, clientHeight: height = 0 } = scroller.current ?? {};
      setSize({ width, height });
    });
    if (scroller.current !== null) {
      scroller.current.tabIndex = 0;
      observer.observe(scroller.current);
    }
    return () => observer.disconnect();
  }, []);
  const marked = focused ?? hovered;
  useLayoutEffect(() => {
    const unit = window.devicePixelRatio;
    const context = canvas.current?.getContext('2d');
    if (canvas.current !== null && context != null && size.width > 0) {
      const [width, height] = [Math.round(size.width * unit), Math.round(size.height * unit)];
      if (canvas.current.width !== width || canvas.current.height !== height) {
        canvas.current.width = width;
        canvas.current.height = height;
      }
      paintTimeline(context, colors, unit, {
        timeline,
        profile,
        places,
        view,
        gutter,
        scrollTop,
        marked,
        ...size,
      });
    }
  });

  const show = (next: TimeView) => setZoom(zoomOf(next, end));
  const zoomBy = (factor: number, at = (view.from + view.to) / 2) => show(zoomed(view, end, factor, at));
  const panBy = (by: number) => show(panned(view, end, by));
  const zoomAroundFocus = (factor: number) => {
    const bar = focused === null ? null : barIn(rows, focused);
    zoomBy(factor, bar === null ? undefined : (bar.start + Math.min(bar.end, end)) / 2);
  };
  useShortcuts([
    { keys: '+', label: 'Zoom in', run: () => zoomAroundFocus(1 / ZOOM_STEP) },
    { keys: '-', label: 'Zoom out', run: () => zoomAroundFocus(ZOOM_STEP) },
    { keys: '0', label: 'Show the whole build', run: () => setZoom(null) },
  ]);

  const barUnder = (x: number, y: number): BarPlace | null => {
    const row = y < HEAD_HEIGHT || x < gutter ? null : rowAt(places, y - HEAD_HEIGHT + scrollTop);
    const ofRow = row === null ? undefined : rows[row];
    if (row === null || ofRow === undefined) {
      return null;
    }
    const place = placeAt(ofRow, timeAt(x), (TOLERANCE / chart) * (view.to - view.from), end);
    return place === null ? null : { row, place };
  };
  const open = (at: BarPlace | null) => {
    const bar = at === null ? null : barIn(rows, at);
    if (bar !== null && isOfAtom(bar.kind) && isAtomId(bar.id)) {
      navigate(pathTo({ page: 'atom', buildId: build.id, atomId: bar.id }));
    }
  };
  const focus = (at: BarPlace) => {
    const bar = barIn(rows, at);
    if (bar === null || scroller.current === null) {
      return;
    }
    setFocused(at);
    show(revealed(view, end, { from: bar.start, to: Math.min(bar.end, end) }));
    const top = places.tops[at.row] ?? 0;
    const room = size.height - HEAD_HEIGHT - places.rowHeight - 4;
    scroller.current.scrollTop = Math.max(top - room, Math.min(top, scrollTop));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const { key, shiftKey } = event;
    const by = key === 'ArrowLeft' ? -1 : key === 'ArrowRight' ? 1 : 0;
    const isStep = key.startsWith('Arrow') || key === 'Home' || key === 'End';
    if (shiftKey && by !== 0) {
      panBy(by * PAN_PART * (view.to - view.from));
    } else if (isStep) {
      const next = focused === null ? firstBar(timeline) : stepTo(rows, focused, key);
      if (next !== null) {
        focus(next);
      }
    } else if (key === 'Enter') {
      open(focused);
    } else if (key === 'Escape') {
      setFocused(null);
    } else {
      return;
    }
    event.preventDefault();
  };
  const placeOf = ({ clientX, clientY }: MouseEvent): readonly [x: number, y: number] => {
    const { left = 0, top = 0 } = canvas.current?.getBoundingClientRect() ?? {};
    return [clientX - left, clientY - top];
  };
  const onPointerMove = (event: PointerEvent) => {
    const [x, y] = placeOf(event);
    const move = pointers.current.move(event.pointerId, x);
    if (move !== null) {
      canvas.current?.setPointerCapture(event.pointerId);
      const time = timeAt(move.around - move.by);
      show(panned(zoomed(view, end, move.factor, time), end, (-move.by / chart) * (view.to - view.from)));
    }
    setHovered(pointers.current.isPressed && !pointers.current.isClick ? null : barUnder(x, y));
  };
  const onPointerUp = (event: PointerEvent) => {
    const isClick = pointers.current.isPressed && pointers.current.isClick;
    pointers.current.release(event.pointerId);
    if (isClick && event.type === 'pointerup') {
      open(barUnder(...placeOf(event)));
    }
  };
  const onWheel = (event: WheelEvent) => {
    const { deltaX, deltaY, shiftKey } = event;
    const sideways = shiftKey ? deltaX + deltaY : deltaX;
    if (event.ctrlKey || event.metaKey) {
      zoomBy(2 ** (Math.max(-50, Math.min(50, deltaY)) / 50), timeAt(placeOf(event)[0]));
    } else if (Math.abs(sideways) > Math.abs(shiftKey ? 0 : deltaY)) {
      panBy((sideways / chart) * (view.to - view.from));
    } else {
      return;
    }
    event.preventDefault();
  };

  const bar = marked === null ? null : barIn(rows, marked);
  const nameOf = useAtomNames(build, bar !== null && isOfAtom(bar.kind) ? [bar.id] : []);
  const row = marked === null ? undefined : rows[marked.row];
  const tip = bar === null || row === undefined ? null : { bar, row, end, name: nameOf(bar.id) };
  const x = bar === null ? 0 : gutter + ((bar.start - view.from) / (view.to - view.from)) * chart;
  const y = HEAD_HEIGHT + (places.tops[marked?.row ?? 0] ?? 0) - scrollTop + places.rowHeight + 6;
  return (
    <>
      <div class="title">
        <TimelineLegend timeline={timeline} colors={colors} />
        <p class="buttons timeline-zoom">
          <button type="button" onClick={() => zoomAroundFocus(1 / ZOOM_STEP)} aria-label="Zoom in">
            +
          </button>
          <button type="button" onClick={() => zoomAroundFocus(ZOOM_STEP)} aria-label="Zoom out">
            −
          </button>
          <button type="button" onClick={() => setZoom(null)} disabled={zoom === null}>
            Whole build
          </button>
        </p>
      </div>
      <div class="timeline-frame">
        <div
          class="timeline"
          ref={scroller}
          role="application"
          aria-label="Timeline"
          aria-describedby="timeline-keys"
          onScroll={({ currentTarget }) => setScrollTop(currentTarget.scrollTop)}
          onKeyDown={onKeyDown}
          onBlur={() => setFocused(null)}
        >
          <div style={{ height: `${HEAD_HEIGHT + places.height + 4}px` }}>
            <canvas
              ref={canvas}
              class={bar !== null && isOfAtom(bar.kind) ? 'pointed' : ''}
              style={{ height: `${size.height}px` }}
              onPointerDown={(event) => {
                if (event.button === 0) {
                  pointers.current.press(event.pointerId, placeOf(event)[0]);
                }
              }}
              onPointerMove={onPointerMove}
              onPointerUp={onPointerUp}
              onPointerCancel={onPointerUp}
              onPointerLeave={() => setHovered(null)}
              onWheel={onWheel}
            />
          </div>
        </div>
        {tip !== null && <BarTip {...tip} x={Math.max(gutter, x)} y={y} width={size.width} />}
      </div>
      <p class="unseen" role="status">
        {tip !== null && focused !== null && barText(tip)}
      </p>
      <p class="quiet" id="timeline-keys">
        Arrow keys move from bar to bar and Enter opens the atom; + and − zoom, like the wheel with Ctrl;
        dragging and Shift with arrow keys move the view.
      </p>
    </>
  );
}

/** Enough for the longest name, and at most a quarter of the width. */
function gutterWidth({ groups }: RowPlaces, width: number): number {
  const longest = groups.reduce((most, { name }) => Math.max(most, name.length), LEAST_CHARS);
  return Math.round(Math.min(width / 4, longest * NAME_CHAR + NUMBER_WIDTH));
}

/** For the first key: the first bar of the first executor. */
function firstBar({ rows }: BuildTimeline): BarPlace | null {
  const row = rows.findIndex(({ slave, bars }) => slave !== null && bars.length > 0);
  const first = row === -1 ? 0 : row;
  return (rows[first]?.bars.length ?? 0) > 0 ? { row: first, place: 0 } : null;
}

/** Colors of the theme that is shown, which are resolved once each. */
function useColors(): (name: `--${string}`) => string {
  const chosen = theme.value;
  const [isDark, setDark] = useState(() => darkScheme().matches);
  useEffect(() => {
    const scheme = darkScheme();
    const change = () => setDark(scheme.matches);
    scheme.addEventListener('change', change);
    return () => scheme.removeEventListener('change', change);
  }, []);
  return useMemo(() => {
    const known = new Map<string, string>();
    return (name) => {
      const color = known.get(name) ?? resolvedColor(name);
      known.set(name, color);
      return color;
    };
  }, [chosen, isDark]);
}

function darkScheme(): MediaQueryList {
  return window.matchMedia('(prefers-color-scheme: dark)');
}
