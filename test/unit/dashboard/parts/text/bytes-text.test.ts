import { expect } from 'chai';
import fc from 'fast-check';
import { bytesText } from '../../../../../src/dashboard/parts/text/bytes-text.js';

describe('the text of a size', () => {
  it('has a unit of 1024, and one decimal below ten', () => {
    const texts = [0, 1, 999, 1000, 1234, 10_240, 1_023_999, 5 * 1024 ** 2, 3 * 1024 ** 3].map(bytesText);
    expect(texts).to.deep.equal([
      '0 B',
      '1 B',
      '999 B',
      '1.0 KiB',
      '1.2 KiB',
      '10 KiB',
      '1.0 MiB',
      '5.0 MiB',
      '3.0 GiB',
    ]);
  });

  it('has at most three digits up to a thousand TiB', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999 * 1024 ** 4 }), (bytes) => {
        expect(bytesText(bytes)).to.match(/^(\d{1,3}|\d\.\d) (?:|Ki|Mi|Gi|Ti)B$/);
      }),
    );
  });
});
