import type { BarForm } from '../bar-looks.js';

/** A part of a picture, in its pixels; `right` and `bottom` are exclusive. */
export interface PixelBox {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Narrower bars have no room for an inside. */
const INSIDE_FROM = 4;
const STRIPE = 3;
/** A loop is faster than a call for so few pixels. */
const SHORT = 24;

/**
 * Paints bars into the pixels of a picture, each of them one number. The cost is that of the pixels: ten thousand small boxes
 * take a browser without a graphics card longer than a frame.
 */
export class PixelBars {
  readonly pixels: Uint32Array;
  readonly width: number;
  readonly height: number;
  readonly #unit: number;

  /** `unit`: pixels of the picture in one of the page. */
  constructor(pixels: Uint32Array, width: number, unit: number) {
    this.pixels = pixels;
    this.width = width;
    this.height = Math.floor(pixels.length / width);
    this.#unit = Math.max(1, Math.round(unit));
  }

  /** The part of the box that is within the picture. */
  fill({ left, right, top, bottom }: PixelBox, color: number): void {
    const [from, to] = [Math.max(0, left), Math.min(this.width, right)];
    for (let y = Math.max(0, top); y < Math.min(this.height, bottom) && from < to; y += 1) {
      const [first, last] = [y * this.width + from, y * this.width + to];
      if (to - from > SHORT) {
        this.pixels.fill(color, first, last);
      } else {
        for (let at = first; at < last; at += 1) {
          this.pixels[at] = color;
        }
      }
    }
  }

  /** `back` is the color inside of bars that are not filled. */
  bar(form: BarForm, box: PixelBox, color: number, back: number): void {
    const unit = this.#unit;
    const { top, bottom } = box;
    const hasInside = box.right - box.left >= INSIDE_FROM * unit;
    const inside = {
      left: box.left + unit,
      right: box.right - unit,
      top: top + unit,
      bottom: bottom - unit,
    };
    switch (form) {
      case 'slim':
        this.fill(
          {
            ...box,
            top: top + Math.round((bottom - top) / 4),
            bottom: bottom - Math.round((bottom - top) / 4),
          },
          color,
        );
        return;
      case 'solid':
        this.fill({ ...box, top: top + unit, bottom: bottom - unit }, color);
        return;
      case 'hatched':
        this.#stripes(box, color);
        return;
      case 'split': {
        const middle = Math.round((top + bottom - unit) / 2);
        this.fill(box, color);
        this.fill({ ...box, top: middle, bottom: middle + unit }, back);
        return;
      }
      default:
        this.fill(box, color);
        if (hasInside && form === 'hollow') {
          this.fill(inside, back);
        } else if (hasInside) {
          this.#stripes(inside, back);
        }
    }
  }

  /** Diagonal ones, with gaps as wide as they are. */
  #stripes({ left, right, top, bottom }: PixelBox, color: number): void {
    const size = STRIPE * this.#unit;
    for (let y = Math.max(0, top); y < Math.min(this.height, bottom); y += 1) {
      for (let x = Math.max(0, left); x < Math.min(this.width, right); x += 1) {
        if ((x + y) % (2 * size) < size) {
          this.pixels[y * this.width + x] = color;
        }
      }
    }
  }
}

/** The pixel of a color in the form `rgb(1, 2, 3)`. */
export function pixelOf(color: string): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/\d+/g) ?? []).map(Number);
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
