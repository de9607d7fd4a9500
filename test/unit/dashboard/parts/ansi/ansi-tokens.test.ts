import { expect } from 'chai';
import fc from 'fast-check';
import {
  type AnsiToken,
  lastText,
  parseAnsiLine,
  parseAnsiLines,
  tokensWithin,
} from '../../../../../src/dashboard/parts/ansi/ansi-tokens.js';
import { stripControlChars } from '../../../../../src/lib/text/strip-control-chars.js';

const shown = (tokens: readonly AnsiToken[]) =>
  tokens.map(({ text, classes, color, background }) => [
    text,
    [classes, color, background].filter(Boolean).join(' '),
  ]);
const line = fc
  .array(
    fc.oneof(
      fc.string({ maxLength: 5 }),
      fc.constantFrom(
        '\u001b[31m',
        '\u001b[0m',
        '\u001b[1;44m',
        '\u001b[38;5;200m',
        '\u001b[38:2::1:2:3m',
        '\u001b[2K',
        '\u001b]0;x\u0007',
        '\r',
        '\u202e',
        '\u001b[',
        '58',
        '\u{1f600}',
        '\0',
      ),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join('').replaceAll('\n', ''));

describe('a line of output as tokens', () => {
  it('has the text that a search sees, whatever the line contains', () => {
    fc.assert(
      fc.property(line, fc.constantFrom('', '\n', '\r\n'), (raw, end) => {
        const { text, tokens, overwritten } = parseAnsiLine(raw + end);
        expect(text).to.equal(stripControlChars(raw));
        expect(tokens.map(({ start }) => start)).to.deep.equal(
          tokens.map((_, place) => tokens.slice(0, place).reduce((sum, one) => sum + one.text.length, 0)),
        );
        expect(overwritten).to.be.within(0, text.length);
      }),
    );
  });

  it('has the colors and decorations that the line sets, until it resets them', () => {
    const { tokens } = parseAnsiLine('a\u001b[31mb\u001b[1;4;102mc\u001b[22;39md\u001b[me');
    expect(shown(tokens)).to.deep.equal([
      ['a', ''],
      ['b', 'ansi-red'],
      ['c', 'ansi-red on-ansi-bright-green ansi-bold ansi-underline'],
      ['d', 'on-ansi-bright-green ansi-underline'],
      ['e', ''],
    ]);
  });

  it('has colors by number and by value, in both notations', () => {
    expect(shown(parseAnsiLine('\u001b[38;5;9ma\u001b[38;5;196mb\u001b[38;5;244mc').tokens)).to.deep.equal([
      ['a', 'ansi-bright-red'],
      ['b', 'ansi-rgb rgb(255, 0, 0)'],
      ['c', 'ansi-rgb rgb(128, 128, 128)'],
    ]);
    for (const sequence of [
      '38;2;1;2;3',
      '38:2:1:2:3',
      '38:2::1:2:3',
      '1;22;38:2::1:2:3',
      '58:2::9:9:9;38;2;1;2;3',
      '58;5;9;38;2;1;2;3',
    ]) {
      expect(shown(parseAnsiLine(`\u001b[${sequence}mx`).tokens), sequence).to.deep.equal([
        ['x', 'ansi-rgb rgb(1, 2, 3)'],
      ]);
    }
    expect(shown(parseAnsiLine('\u001b[48;2;1;2;3mx\u001b[4:3my').tokens)).to.deep.equal([
      ['x', 'on-ansi-rgb rgb(1, 2, 3)'],
      ['y', 'on-ansi-rgb ansi-underline rgb(1, 2, 3)'],
    ]);
  });

  it('has no text of links, titles, cursor movements, and of what is hidden or reordered', () => {
    const raw = '\u001b]8;;http://x\u0007link\u001b]8;;\u0007 \u001b[2Kup\u001b[5A\u202e<b>\u001b[8mx';
    expect(parseAnsiLine(raw).text).to.equal('link up<b>x');
  });

  it('knows which part a progress bar has overwritten', () => {
    const { text, overwritten } = parseAnsiLine('\u001b[32m10%\r55%\r\u001b[0mdone\r\n');
    expect(text.slice(overwritten)).to.equal('done');
    expect(parseAnsiLine('plain\r\n').overwritten).to.equal(0);
  });

  it('continues the style of the line before', () => {
    const lines = parseAnsiLines(['\u001b[31mred', 'still', 'then \u001b[0;1mbold', '\u001b[0m', 'plain']);
    expect(lines.map(({ tokens }) => shown(tokens).at(-1))).to.deep.equal([
      ['red', 'ansi-red'],
      ['still', 'ansi-red'],
      ['bold', 'ansi-bold'],
      undefined,
      ['plain', ''],
    ]);
  });

  it('is shown in one line by the last text that is left of an output', () => {
    expect(lastText(['one', '\u001b[31mError: two\u001b[0m', ' \u001b[0m', ''])).to.equal('Error: two');
    expect(lastText(['Error: three', '    at f (x.js:1)', '  ❯ y.ts:2'])).to.equal('Error: three');
    expect(lastText(['10%\r done'])).to.equal('done');
    expect(lastText(['', ' '])).to.equal('');
  });

  it('is divided without changing its text', () => {
    fc.assert(
      fc.property(line, fc.nat(40), fc.nat(40), (raw, a, b) => {
        const { tokens, text } = parseAnsiLine(raw);
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        const part = tokensWithin(tokens, start, end);
        expect(part.map((token) => token.text).join('')).to.equal(text.slice(start, end));
      }),
    );
  });
});
