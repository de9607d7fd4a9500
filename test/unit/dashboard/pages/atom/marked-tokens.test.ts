import { expect } from 'chai';
import fc from 'fast-check';
import { markedParts, rangesOfText } from '../../../../../src/dashboard/pages/atom/console/marked-tokens.js';
import { parseAnsiLine } from '../../../../../src/dashboard/parts/ansi/ansi-tokens.js';

describe('the marks of a search in a line', () => {
  it('divide the tokens of the line without changing its text', () => {
    const piece = fc.constantFrom('a', 'B', 'ab', '\u001b[31m', '\u001b[0m', ' ', 'é');
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 20 }),
        fc.constantFrom('a', 'b', 'AB', 'é', ' '),
        fc.nat(10),
        fc.nat(20),
        (pieces, wanted, from, more) => {
          const { tokens, text } = parseAnsiLine(pieces.join(''));
          const to = Math.min(text.length, from + more);
          const parts = markedParts(tokens, { from, to, ranges: rangesOfText(text, wanted, false) });
          const textOf = (list: typeof parts) =>
            list.flatMap(({ tokens: own }) => own.map((one) => one.text)).join('');
          expect(textOf(parts)).to.equal(text.slice(from, to));
          for (const one of parts.filter(({ isMatch }) => isMatch && from === 0 && to === text.length)) {
            expect(textOf([one]).toLowerCase()).to.equal(wanted.toLowerCase());
          }
        },
      ),
    );
  });

  it('are at every occurrence of the text, whatever its case unless that counts', () => {
    expect(rangesOfText('a.b A.B axb', 'a.b', false)).to.deep.equal([
      { start: 0, end: 3 },
      { start: 4, end: 7 },
    ]);
    expect(rangesOfText('a.b A.B', 'A.B', true)).to.deep.equal([{ start: 4, end: 7 }]);
    expect(rangesOfText('x'.repeat(10_000), 'x', false)).to.have.length(200);
  });
});
