import { expect } from 'chai';
import fc from 'fast-check';
import { PackedNumbers, packNumber } from '../../../../src/domain/history/packed-numbers.js';

describe('packed numbers', () => {
  const whole = fc.oneof(fc.nat({ max: 40 }), fc.maxSafeNat());

  it('are read as they were packed, one after another', () => {
    fc.assert(
      fc.property(fc.array(whole), (numbers) => {
        const packed = new PackedNumbers(numbers.map(packNumber).join(''));
        const read: number[] = [];
        while (packed.hasMore) {
          read.push(packed.next());
        }
        expect(read).to.deep.equal(numbers);
      }),
    );
  });

  it('have one character below 32, two below 1024, and none that JSON escapes', () => {
    expect([31, 32, 1023, 1024].map((number) => packNumber(number).length)).to.deep.equal([1, 2, 2, 3]);
    fc.assert(
      fc.property(whole, (number) => {
        expect(packNumber(number)).to.match(/^[\w-]+$/);
      }),
    );
  });

  it('are refused where the text is damaged', () => {
    for (const text of ['', 'A', '1 2'.slice(1)]) {
      expect(() => new PackedNumbers(text).next()).to.throw('is damaged');
    }
  });
});
