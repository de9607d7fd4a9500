import { durationText } from '../../../../lib/text/duration-text.js';
import { barLooks, isOfAtom } from './bar-looks.js';
import { clockText } from './drawing/time-view.js';
import type { Bar, TimelineRow } from './timeline-bars.js';
import { durationOf } from './timeline-summary.js';

interface BarFacts {
  readonly bar: Bar;
  readonly row: TimelineRow;
  /** The end of bars that go on. */
  readonly end: number;
  /** The name of its atom. */
  readonly name: string;
}

/** `9.0 s from 1:05 to 1:14`. */
function timeText({ bar, end }: BarFacts): string {
  const took = durationText(durationOf(bar, end) / 1000);
  const from = clockText(bar.start, 0);
  return bar.end > end ? `${took} so far, since ${from}` : `${took} from ${from} to ${clockText(bar.end, 0)}`;
}

function placeText({ bar, row }: BarFacts): string {
  return row.executor === null ? bar.slave : `${bar.slave}, executor ${row.executor}`;
}

/** A bar in words. */
export function barText(facts: BarFacts): string {
  const { bar, name } = facts;
  const { word } = barLooks[bar.kind];
  return `${isOfAtom(bar.kind) ? `${name}: ` : ''}${word}, ${timeText(facts)}, ${placeText(facts)}`;
}

/** As in `timeline.css`. */
const TIP_WIDTH = 300;

interface BarTipProps extends BarFacts {
  /** Pixels in the frame. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** Tells about a bar, below it. */
export function BarTip({ x, y, width, ...facts }: BarTipProps) {
  const { bar, name } = facts;
  const { word, color } = barLooks[bar.kind];
  return (
    <div
      class="timeline-tip"
      aria-hidden="true"
      style={{ left: `${Math.max(0, Math.min(x, width - TIP_WIDTH))}px`, top: `${y}px` }}
    >
      {isOfAtom(bar.kind) && <bdi class="timeline-name">{name}</bdi>}
      <div>
        <strong style={{ color: `var(${color})` }}>{word}</strong> {timeText(facts)}
      </div>
      <bdi class="quiet">{placeText(facts)}</bdi>
    </div>
  );
}
