import { type BarKind, type BarLook, barKinds, barLooks } from '../bar-looks.js';

/** Colors of `theme.css` in a form for canvases, by their variables. */
export type CanvasColors = (name: BarLook['color']) => string;

/** A bar in pixels of the canvas. */
interface PixelBar {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Narrower bars have no room for stripes. */
const STRIPES_FROM = 4;

/** Collects bars, and paints those of one kind together, which is faster. */
export class BarPainter {
  readonly #context: CanvasRenderingContext2D;
  readonly #colors: CanvasColors;
  readonly #unit: number;
  readonly #bars = new Map<BarKind, PixelBar[]>();

  /** `unit`: pixels of the canvas in one of the page. */
  constructor(context: CanvasRenderingContext2D, colors: CanvasColors, unit: number) {
    this.#context = context;
    this.#colors = colors;
    this.#unit = unit;
  }

  add(kind: BarKind, bar: PixelBar): void {
    const others = this.#bars.get(kind);
    if (others === undefined) {
      this.#bars.set(kind, [bar]);
    } else {
      others.push(bar);
    }
  }

  /** Paints everything that was added, atoms last. */
  paint(): void {
    for (const kind of barKinds) {
      const bars = this.#bars.get(kind);
      if (bars !== undefined) {
        this.#paintAll(barLooks[kind], bars);
      }
    }
  }

  #paintAll({ form, color }: BarLook, bars: readonly PixelBar[]): void {
    const unit = this.#unit;
    const solid = this.#colors(color);
    const inset = form === 'solid' || form === 'slim' ? unit : 0;
    this.#fill(form === 'hatched' ? this.#stripes(solid) : solid, bars, (bar) =>
      form === 'slim' ? inner(bar, 0, bar.height / 4) : inner(bar, 0, inset),
    );
    const back = this.#colors('--back');
    const wide = bars.filter(({ width }) => width >= STRIPES_FROM * unit);
    if (form === 'striped') {
      this.#fill(this.#stripes(back), wide, (bar) => inner(bar, unit, unit));
    } else if (form === 'hollow') {
      this.#fill(back, wide, (bar) => inner(bar, unit, unit));
    } else if (form === 'split') {
      this.#fill(back, bars, (bar) => inner(bar, 0, (bar.height - unit) / 2));
    }
  }

  #fill(style: string | CanvasPattern, bars: readonly PixelBar[], shape: (bar: PixelBar) => PixelBar): void {
    this.#context.fillStyle = style;
    for (const bar of bars) {
      const { left, top, width, height } = shape(bar);
      this.#context.fillRect(left, top, width, height);
    }
  }

  /** Diagonal stripes with transparent gaps. */
  #stripes(color: string): CanvasPattern | string {
    const size = 6 * this.#unit;
    const tile = document.createElement('canvas');
    tile.width = size;
    tile.height = size;
    const context = tile.getContext('2d');
    if (context === null) {
      return color;
    }
    context.strokeStyle = color;
    context.lineWidth = 1.5 * this.#unit;
    context.beginPath();
    for (const from of [-size, 0, size]) {
      context.moveTo(from - 1, size + 1);
      context.lineTo(from + size + 1, -1);
    }
    context.stroke();
    return this.#context.createPattern(tile, 'repeat') ?? color;
  }
}

function inner({ left, top, width, height }: PixelBar, x: number, y: number): PixelBar {
  return { left: left + x, top: top + y, width: width - 2 * x, height: height - 2 * y };
}
