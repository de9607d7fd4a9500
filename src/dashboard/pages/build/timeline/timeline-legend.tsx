import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { type BarKind, barKinds, barLooks } from './bar-looks.js';
import { BarPainter, type CanvasColors } from './drawing/bar-painter.js';
import type { BuildTimeline } from './timeline-bars.js';

interface LegendProps {
  readonly timeline: BuildTimeline;
  readonly colors: CanvasColors;
}

/** The looks of the bars that this timeline has. */
export function TimelineLegend({ timeline, colors }: LegendProps) {
  const kinds = useMemo(() => {
    const present = new Set<string>(timeline.rows.flatMap(({ bars }) => bars.map(({ kind }) => kind)));
    return barKinds.filter((kind) => present.has(kind));
  }, [timeline]);
  return (
    <ul class="plain facts" aria-label="Legend">
      {kinds.map((kind) => (
        <li key={kind}>
          <Swatch kind={kind} colors={colors} /> {barLooks[kind].word}
        </li>
      ))}
    </ul>
  );
}

const [WIDTH, HEIGHT] = [22, 12];

function Swatch({ kind, colors }: { readonly kind: BarKind; readonly colors: CanvasColors }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const unit = window.devicePixelRatio;
  useLayoutEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (context != null) {
      context.clearRect(0, 0, WIDTH * unit, HEIGHT * unit);
      const painter = new BarPainter(context, colors, unit);
      painter.add(kind, { left: 0, top: 0, width: WIDTH * unit, height: HEIGHT * unit });
      painter.paint();
    }
  }, [kind, colors, unit]);
  return <canvas ref={canvas} class="timeline-swatch" width={WIDTH * unit} height={HEIGHT * unit} />;
}
