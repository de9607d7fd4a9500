import { expect } from 'chai';
import fc from 'fast-check';
import type { BarForm } from '../../../../../../src/dashboard/pages/build/timeline/bar-looks.js';
import {
  PixelBars,
  type PixelBox,
  pixelOf,
} from '../../../../../../src/dashboard/pages/build/timeline/drawing/pixel-bars.js';

const forms: readonly BarForm[] = ['slim', 'solid', 'striped', 'split', 'hollow', 'hatched'];
const [WIDTH, HEIGHT] = [24, 16];

/** The picture of a bar: `#` for its color, `o` for the color of the back, and dots around it. */
function picture(form: BarForm, box: PixelBox, unit = 1): string[] {
  const pixels = new Uint32Array(WIDTH * HEIGHT);
  new PixelBars(pixels, WIDTH, unit).bar(form, box, 1, 2);
  return Array.from({ length: HEIGHT }, (_, y) =>
    [...pixels.subarray(y * WIDTH, (y + 1) * WIDTH)].map((pixel) => '.#o'[pixel]).join(''),
  );
}

describe('bars in pixels', () => {
  it('differ in their forms, so that nobody needs the colors', () => {
    const box = { left: 2, right: 22, top: 2, bottom: 14 };
    const pictures = forms.map((form) => picture(form, box).join('\n'));
    expect(new Set(pictures).size).to.equal(forms.length);
  });

  it('differ in their heights where they are as narrow as a pixel', () => {
    const heights = (['solid', 'slim', 'striped'] as const).map(
      (form) =>
        picture(form, { left: 3, right: 4, top: 4, bottom: 9 }).filter((line) => line.includes('#')).length,
    );
    expect(heights).to.deep.equal([3, 3, 5]);
  });

  it('have an outline when they are hollow', () => {
    const box = { left: 1, right: 7, top: 0, bottom: 4 };
    expect(picture('hollow', box).slice(0, 5)).to.deep.equal(
      ['.######', '.#oooo#', '.#oooo#', '.######', ''].map((line) => line.padEnd(WIDTH, '.')),
    );
  });

  it('paint nothing outside of their box and of the picture', () => {
    const side = fc.integer({ min: -10, max: 40 });
    const height = fc.integer({ min: 5, max: 18 });
    fc.assert(
      fc.property(
        fc.constantFrom(...forms),
        fc.tuple(side, side, side, height),
        fc.constantFrom(1, 1.5, 2),
        (form, [left, right, top, high], unit) => {
          const bottom = top + high;
          const lines = picture(form, { left, right, top, bottom }, unit);
          expect(lines.join('')).to.have.length(WIDTH * HEIGHT);
          for (const [y, line] of lines.entries()) {
            for (const [x, pixel] of [...line].entries()) {
              const isInside = x >= left && x < right && y >= top && y < bottom;
              expect(pixel === '.' || isInside, `${x},${y}`).to.equal(true);
            }
          }
        },
      ),
    );
  });

  it('have the colors of the page', () => {
    expect(pixelOf('rgb(1, 2, 3)')).to.equal(0xff030201);
    expect(pixelOf('rgb(255, 255, 255)')).to.equal(0xffffffff);
  });
});
