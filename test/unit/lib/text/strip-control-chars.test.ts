import { expect } from 'chai';
import fc from 'fast-check';
import { table } from '../../../../src/cli/text/table.js';
import {
  ControlCharStripper,
  cleanLine,
  escapeControlCharsInJson,
  type StripOptions,
  stripControlChars,
} from '../../../../src/lib/text/strip-control-chars.js';

/** All characters that must be stripped; not line feeds and tabs. */
const BAD =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/;

const odd = fc.string({
  unit: fc.constantFrom(
    ...['\u001b', '[', ']', '(', '\\', '\u0007', '\u009b', '\u009d', '\u009c', '\u0090', '1', '8', 'm', ';'],
    ...[
      '\r',
      '\n',
      '\t',
      'a',
      'B',
      ' ',
      'é',
      '😀',
      '\u202e',
      '\u200b',
      '\u2028',
      '\ufeff',
      '\u{e0041}',
      '\udb40',
      'P',
      '_',
      '^',
    ],
  ),
});
const anyText = fc.oneof(odd, fc.string({ unit: 'binary' }), fc.string());

describe('stripping control characters', () => {
  it('removes sequences that move the cursor, change colors, set the title or make links', () => {
    for (const [text, shown] of [
      ['\u001b[31mred\u001b[0m', 'red'],
      ['\u001b[2J\u001b[1;1Hgone', 'gone'],
      ['\u009b31mred', 'red'],
      ['\u001b]0;a title\u0007text', 'text'],
      ['\u009d0;a title\u009ctext', 'text'],
      ['\u001b]8;;https://example.com\u001b\\link\u001b]8;;\u001b\\ end', 'link end'],
      ['\u001bP1$r0m\u001b\\dcs \u001b_apc\u001b\\\u001b^pm\u001b\\\u001bXsos\u001b\\end', 'dcs end'],
      ['\u001b(B\u001b)0\u001b%G\u001b#8\u001b=\u001bc\u001b7plain', 'plain'],
      ['\u001b]0;never ended\nnext line', '\nnext line'],
      ['\u001b]0;ended by another\u001b[31mtext', 'text'],
      ['\u001b[31\nnext', '\nnext'],
      ['\u001b\u001b[31mtext\u001b', 'text'],
      ['FAILED\rPASSED', 'FAILEDPASSED'],
      ['a\bb\u0000\u007f\u000e', 'ab'],
      ['exe\u202etxt.\u2066x\u2069\u200e\u200f\u061c', 'exetxt.x'],
      ['zero\u200b\u200c\u200d\u2060\ufeffwidth\u2028line\u2029', 'zerowidthline'],
      ['tag\u{e0068}\u{e0069}', 'tag'],
      ['a\tb\nc ümläut 😀 日本 \u{1f1e9}\u{1f1ea}', 'a\tb\nc ümläut 😀 日本 \u{1f1e9}\u{1f1ea}'],
    ] as const) {
      expect(stripControlChars(text), JSON.stringify(text)).to.equal(shown);
    }
  });

  it('leaves no control or invisible characters of any text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(stripControlChars(text)).not.to.match(BAD);
      }),
      { numRuns: 1000 },
    );
  });

  it('leaves other text unchanged', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!BAD.test(text));
        expect(stripControlChars(text)).to.equal(text);
        expect(stripControlChars(text, { colors: true })).to.equal(text);
      }),
    );
  });

  it('gives the same result in pieces as for the whole text', () => {
    const options = fc.record({ colors: fc.boolean() });
    fc.assert(
      fc.property(anyText, fc.array(fc.nat(5)), options, (text, lengths, how: StripOptions) => {
        const stream = new ControlCharStripper(how);
        let shown = '';
        let at = 0;
        for (const length of lengths) {
          shown += stream.push(text.slice(at, at + length));
          at += length;
        }
        shown += stream.push(text.slice(at)) + stream.end();
        expect(shown).to.equal(stripControlChars(text, how));
      }),
      { numRuns: 1000 },
    );
  });

  it('keeps colors where they are allowed, and no other sequences', () => {
    for (const [text, shown] of [
      ['\u001b[1;31mred\u001b[0m', '\u001b[1;31mred\u001b[0m'],
      ['\u001b[mplain', '\u001b[mplain'],
      ['\u001b[38;5;8mgrey\u001b[m', '\u001b[38;5;8mgrey\u001b[m'],
      ['\u001b[38;2;8;8;8mgrey\u001b[m', '\u001b[38;2;8;8;8mgrey\u001b[m'],
      ['\u009b32mgreen', '\u001b[32mgreen\u001b[0m'],
      ['\u001b[8mhidden', 'hidden'],
      ['\u001b[0;08mhidden', 'hidden'],
      ['\u001b[>4;2mkeys\u001b[?25l\u001b[2J\u001b]0;title\u0007', 'keys'],
    ] as const) {
      expect(stripControlChars(text, { colors: true }), JSON.stringify(text)).to.equal(shown);
    }
    fc.assert(
      fc.property(odd, (text) => {
        const shown = stripControlChars(text, { colors: true });
        // biome-ignore lint/suspicious/noControlCharactersInRegex: colors begin with one
        expect(shown.replaceAll(/\x1b\[[\d;:]*m/g, '')).to.equal(stripControlChars(text));
      }),
      { numRuns: 1000 },
    );
  });

  it('keeps a name on one line', () => {
    expect(cleanLine('a\n--- FAILED: b\r\n\tc')).to.equal('a --- FAILED: b c');
  });

  it('escapes control characters in JSON without changing its value', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const json = escapeControlCharsInJson(JSON.stringify({ text }));
        expect(json).not.to.match(BAD);
        expect(JSON.parse(json)).to.deep.equal({ text });
      }),
    );
  });

  it('keeps each row of a table on one line, whatever a name contains', () => {
    expect(
      table([
        ['1', 'a\n\u001b[2Jb'],
        ['2', 'c'],
      ]).split('\n'),
    ).to.deep.equal(['1  a b', '2  c']);
  });
});
