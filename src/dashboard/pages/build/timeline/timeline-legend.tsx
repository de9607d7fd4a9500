import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { type BarKind, barKinds, barLooks, legendOf } from './bar-looks.js';
import { PixelBars, pixelOf } from './drawing/pixel-bars.js';
import type { CanvasColors } from './drawing/timeline-painting.js';
import type { BuildTimeline } from './timeline-bars.js';

interface LegendProps {
  readonly timeline: BuildTimeline;
  readonly colors: CanvasColors;
}

/** The looks of the bars that this timeline has. */
export function TimelineLegend({ timeline, colors }: LegendProps) {
  const looks = useMemo(() => {
    const present = new Set<string>(timeline.rows.flatMap(({ bars }) => bars.map(({ kind }) => kind)));
    return legendOf(barKinds.filter((kind) => present.has(kind)));
  }, [timeline]);
  return (
    <ul class="plain facts" aria-label="Legend">
      {looks.map(({ kind, words }) => (
        <li key={words}>
          <Swatch kind={kind} colors={colors} /> {words}
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
      const image = context.createImageData(Math.round(WIDTH * unit), Math.round(HEIGHT * unit));
      const { width: right, height: bottom, data } = image;
      const { form, color } = barLooks[kind];
      const box = { left: 0, right, top: 0, bottom };
      const back = pixelOf(colors('--back'));
      new PixelBars(new Uint32Array(data.buffer), right, unit).bar(form, box, pixelOf(colors(color)), back);
      context.putImageData(image, 0, 0);
    }
  }, [kind, colors, unit]);
  return <canvas ref={canvas} class="timeline-swatch" width={WIDTH * unit} height={HEIGHT * unit} />;
}
