import { expect } from 'chai';
import fc from 'fast-check';
import { BoundedLines } from '../../../../src/lib/text/bounded-lines.js';

const line = fc.string({ unit: fc.constantFrom('a', 'ü', ' ', '"', '\r', '😀'), maxLength: 12 });

describe('BoundedLines', () => {
  it('returns the same lines, however the bytes are cut into pieces', () => {
    fc.assert(
      fc.property(fc.array(line), line, fc.array(fc.nat({ max: 20 })), (texts, rest, sizes) => {
        const bytes = Buffer.from(`${texts.map((text) => `${text}\n`).join('')}${rest}`);
        const lines = new BoundedLines(1000);
        const found: string[] = [];
        let at = 0;
        for (const size of [...sizes, bytes.length]) {
          const piece = Buffer.from(bytes.subarray(at, at + size));
          at += piece.length;
          const pushed = lines.push(piece);
          expect(pushed.isTooLong).to.equal(false);
          found.push(...pushed.lines);
          // A caller may reuse its buffer.
          piece.fill(0);
        }
        expect(found).to.deep.equal(texts);
      }),
    );
  });

  it('says at the first byte too many that a line is too long, after the lines before it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 10 }), (length, pieces) => {
        const lines = new BoundedLines(20);
        const bytes = Buffer.from(`first\n${'x'.repeat(length)}`);
        let isTooLong = false;
        const found: string[] = [];
        for (let at = 0; at < bytes.length && !isTooLong; at += pieces) {
          const pushed = lines.push(bytes.subarray(at, at + pieces));
          found.push(...pushed.lines);
          isTooLong = pushed.isTooLong;
        }
        expect(found).to.deep.equal(['first']);
        expect(isTooLong).to.equal(length > 20);
      }),
    );
  });
});
