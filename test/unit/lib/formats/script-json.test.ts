import { expect } from 'chai';
import fc from 'fast-check';
import { scriptJson } from '../../../../src/lib/formats/script-json.js';

const hostile = [
  '</script>',
  '<!--',
  '<script',
  '\u2028',
  '\u2029',
  '\ud800',
  '\u0000',
  '\\u003c',
  '"',
  '&lt;',
];

describe('JSON in a script element', () => {
  it('contains no < and no line separator, and is read back as the same text', () => {
    const piece = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...hostile));
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join('');
        const json = scriptJson({ [text]: text });
        expect(json).not.to.match(/[<\u2028\u2029]/);
        expect(JSON.parse(json)).to.deep.equal({ [text]: text });
      }),
    );
  });
});
