import { expect } from 'chai';
import { byteRange } from '../../../../../src/master/http/response/byte-range.js';

describe('the requested byte range', () => {
  const whole = { bytes: 10, tag: 'abc' };

  it('may be from a byte to a byte, to the end, or the last bytes', () => {
    expect(byteRange('bytes=2-4', undefined, whole)).to.deep.equal({ start: 2, end: 5 });
    expect(byteRange('bytes=2-', undefined, whole)).to.deep.equal({ start: 2, end: 10 });
    expect(byteRange('bytes=2-99', undefined, whole)).to.deep.equal({ start: 2, end: 10 });
    expect(byteRange('bytes=-3', undefined, whole)).to.deep.equal({ start: 7, end: 10 });
    expect(byteRange('bytes=-99', undefined, whole)).to.deep.equal({ start: 0, end: 10 });
    expect(byteRange('bytes=2-', '"abc"', whole)).to.deep.equal({ start: 2, end: 10 });
  });

  it('is the whole for unsupported ranges, and when the client has another version', () => {
    for (const range of [undefined, 'bytes=-', 'bytes=1-2,4-5', 'lines=1-2', 'bytes=a-b', 'bytes=1']) {
      expect(byteRange(range, undefined, whole), range).to.equal(null);
    }
    expect(byteRange('bytes=2-', '"other"', whole)).to.equal(null);
  });

  it('is refused when it lies outside', () => {
    for (const range of ['bytes=10-', 'bytes=5-4', 'bytes=99-100', 'bytes=-0']) {
      expect(() => byteRange(range, undefined, whole), range).to.throw('There are 10 bytes');
    }
  });
});
