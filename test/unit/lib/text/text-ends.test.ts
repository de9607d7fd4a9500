import { expect } from 'chai';
import fc from 'fast-check';
import { textEnd, textStart, utf8End } from '../../../../src/lib/text/text-ends.js';

const text = fc.string({ unit: fc.constantFrom('a', '\u00fc', '\u4e2d', '\u{1F600}') });
const max = fc.integer({ min: 0, max: 20 });

describe('textStart, textEnd and utf8End', () => {
  it('are as long as allowed, and contain whole characters', () => {
    fc.assert(
      fc.property(text, max, (all, most) => {
        const [start, end] = [textStart(all, most), textEnd(all, most)];
        expect(all.startsWith(start) && all.endsWith(end)).to.equal(true);
        for (const cut of [start, end]) {
          expect(Buffer.from(cut).toString()).to.equal(cut);
          expect(cut.length).to.be.within(Math.min(all.length, most) - 1, most);
        }
      }),
    );
  });

  it('contain whole characters in UTF-8 too', () => {
    fc.assert(
      fc.property(text, max, (all, most) => {
        const bytes = Buffer.from(all);
        const end = utf8End(bytes, most).toString();
        expect(all.endsWith(end)).to.equal(true);
        expect(Buffer.byteLength(end)).to.be.within(Math.min(bytes.length, most) - 3, most);
      }),
    );
  });

  it('return the last bytes of text that is not UTF-8', () => {
    expect(utf8End(Buffer.alloc(9, 0x80), 5)).to.have.length(5);
    expect(utf8End(Buffer.from([0x80, 0x61]), 5)).to.have.length(2);
  });
});
