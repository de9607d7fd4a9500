import { expect } from 'chai';
import fc from 'fast-check';
import { frontCoded, frontDecoded } from '../../../../src/lib/text/front-coding.js';

describe('front coding', () => {
  it('leaves out the beginning that a text has in common with the one before it', () => {
    expect(frontCoded(['test/a.ts', 'test/ab.ts', 'test/ab.ts', '', 'x'])).to.deep.equal({
      shared: [0, 6, 10, 0, 0],
      rests: ['test/a.ts', 'b.ts', '', '', 'x'],
    });
  });

  it('returns any texts as they were, also as JSON', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\u{1f600}', '\u{1f601}', '\ud83d'));
    fc.assert(
      fc.property(fc.array(text), (texts) => {
        expect(frontDecoded(JSON.parse(JSON.stringify(frontCoded(texts))))).to.deep.equal(texts);
      }),
    );
  });
});
