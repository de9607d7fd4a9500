import { expect } from 'chai';
import fc from 'fast-check';
import {
  hashOf,
  lineRangeOf,
  selectedRange,
} from '../../../../../src/dashboard/pages/atom/console/line-range.js';

describe('the lines in an address', () => {
  it('are counted from 1 there, and from 0 everywhere else', () => {
    expect(lineRangeOf('#L120')).to.deep.equal({ first: 119, last: 119 });
    expect(lineRangeOf('#L120-L130')).to.deep.equal({ first: 119, last: 129 });
    expect(lineRangeOf('#L130-120')).to.deep.equal({ first: 119, last: 129 });
    expect(hashOf({ first: 119, last: 119 })).to.equal('#L120');
    fc.assert(
      fc.property(fc.nat(1e9), fc.nat(1e9), (first, more) => {
        const range = { first, last: first + more };
        expect(lineRangeOf(hashOf(range))).to.deep.equal(range);
      }),
    );
  });

  it('are none for any other fragment', () => {
    for (const hash of [
      '',
      '#',
      '#L',
      '#L0',
      '#L-5',
      '#Lx',
      '#L1-L',
      '#L1x',
      '#l1',
      `#L${'9'.repeat(16)}`,
      '#content',
    ]) {
      expect(lineRangeOf(hash), hash).to.equal(null);
    }
  });

  it('are those from the first clicked line to the one that is clicked with Shift', () => {
    const five = selectedRange(null, 5, true);
    expect(five).to.deep.equal({ first: 5, last: 5 });
    expect(selectedRange(five, 9, true)).to.deep.equal({ first: 5, last: 9 });
    expect(selectedRange(five, 2, true)).to.deep.equal({ first: 2, last: 5 });
    expect(selectedRange({ first: 5, last: 9 }, 7, false)).to.deep.equal({ first: 7, last: 7 });
  });
});
