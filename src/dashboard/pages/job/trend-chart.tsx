import { useRef, useState } from 'preact/hooks';
import { durationText } from '../../../lib/text/duration-text.js';
import { Timestamp } from '../../parts/text/timestamp.js';
import { barAfterKey, scaleOf, type TrendBar } from './trend-bars.js';

interface TrendChartProps {
  readonly label: string;
  /** Oldest first. */
  readonly bars: readonly TrendBar[];
}

/**
 * Durations as bars; those that did not pass have the sign of their state. One bar can be reached with Tab, and the others from
 * there with the arrow keys.
 */
export function TrendChart({ label, bars }: TrendChartProps) {
  const [chosen, choose] = useState<number | null>(null);
  const list = useRef<HTMLOListElement>(null);
  const { top, heights } = scaleOf(bars);
  const current = bars.find(({ key }) => key === chosen) ?? bars.at(-1);
  const [oldest] = bars;
  if (current === undefined || oldest === undefined) {
    return null;
  }
  const move = (event: KeyboardEvent) => {
    const next = barAfterKey(event.key, bars.indexOf(current), bars.length);
    if (next !== null) {
      event.preventDefault();
      list.current?.querySelectorAll<HTMLElement>('[data-bar]')[next]?.focus();
    }
  };
  return (
    <figure class="trend" aria-label={label}>
      <div class="trend-axis quiet" aria-hidden="true">
        <span>{durationText(top)}</span>
        <span>0</span>
      </div>
      <ol ref={list} onKeyDown={move}>
        {bars.map((bar, index) => {
          const show = () => choose(bar.key);
          const common = {
            'data-bar': true,
            'aria-label': bar.text,
            class: `trend-bar tone-${bar.look.tone}`,
            tabIndex: bar === current ? 0 : -1,
            onFocus: show,
          };
          const drawing = (
            <>
              {bar.look.tone === 'good' ? '' : bar.look.sign}
              <span
                class={`bar bar-${bar.look.word.replace(' ', '-')}`}
                style={{ height: `${heights[index]}%` }}
              />
            </>
          );
          return (
            <li key={bar.key} onMouseEnter={show}>
              {bar.path === null ? (
                <span role="img" {...common}>
                  {drawing}
                </span>
              ) : (
                <a href={bar.path} {...common}>
                  {drawing}
                </a>
              )}
            </li>
          );
        })}
      </ol>
      <figcaption>
        <span class="quiet">
          <Timestamp at={oldest.at} />
        </span>
        <span>
          <span class={`tone-${current.look.tone}`}>{current.look.sign}</span> {current.text},{' '}
          <Timestamp at={current.at} />
        </span>
      </figcaption>
    </figure>
  );
}
