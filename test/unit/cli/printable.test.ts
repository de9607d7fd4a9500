import { expect } from 'chai';
import fc from 'fast-check';
import { printable } from '../../../src/cli/printable.js';
import { table } from '../../../src/cli/table.js';

describe('what somebody else wrote, on a terminal', () => {
  it('neither moves the cursor nor changes colours nor sets the title', () => {
    for (const [text, shown] of [
      ['\u001b[31mred\u001b[0m', 'red'],
      ['\u001b[2J\u001b[1;1Hgone', 'gone'],
      ['\u009b31mred', 'red'],
      ['\u001b]0;a title\u0007text', ']0;a titletext'],
      ['FAILED\rPASSED', 'FAILEDPASSED'],
      ['a\bb\u0000\u007f', 'ab'],
      ['a\tb\nc ümläut 😀', 'a\tb\nc ümläut 😀'],
    ] as const) {
      expect(printable(text), JSON.stringify(text)).to.equal(shown);
    }
  });

  it('has no control character left but tabs and line ends', () => {
    const odd = fc.string({ unit: fc.constantFrom('\u001b', '[', '\u009b', '1', 'm', ';', '\r', '\n', 'a') });
    fc.assert(
      fc.property(fc.oneof(odd, fc.string()), (text) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
        expect(printable(text)).not.to.match(/[\0-\x08\x0b-\x1f\x7f-\x9f]/);
      }),
    );
  });

  it('takes one line of a table, whatever a name holds', () => {
    expect(
      table([
        ['1', 'a\n\u001b[2Jb'],
        ['2', 'c'],
      ]).split('\n'),
    ).to.deep.equal(['1  a b', '2  c']);
  });
});
