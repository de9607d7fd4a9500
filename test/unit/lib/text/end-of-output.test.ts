import { expect } from 'chai';
import fc from 'fast-check';
import { endOfOutput } from '../../../../src/lib/text/end-of-output.js';

const end = (text: string, isCut = false) => endOfOutput(Buffer.from(text), isCut, 3, 10);

describe('the end of an output', () => {
  it('has the last lines without a line feed at the end', () => {
    expect(end('a\nb\n')).to.equal('a\nb');
    expect(end('a\nb\nc\nd')).to.equal('b\nc\nd');
    expect(end('')).to.equal('');
  });

  it('leaves out a first line of which only a part is there, unless it is the only one', () => {
    expect(end('cut\nwhole', true)).to.equal('whole');
    expect(end('cut', true)).to.equal('cut');
    expect(end('too long\nfits')).to.equal('fits');
    expect(end('0123456789abc')).to.equal('3456789abc');
  });

  it('never has more lines or bytes than may be, nor a part of a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, isCut) => {
        const found = end(text, isCut);
        expect(Buffer.byteLength(found)).to.be.at.most(10);
        expect(found.split('\n').length).to.be.at.most(3);
        expect(text).to.contain(found);
      }),
    );
  });
});
