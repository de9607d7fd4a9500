import { expect } from 'chai';
import fc from 'fast-check';
import { GrowingBuffer, nextCapacity } from '../../../../src/lib/text/growing-buffer.js';

const MOST = 50_000;
const pieces = fc.array(fc.uint8Array({ maxLength: 9000 }), { maxLength: 60 });

describe('GrowingBuffer', () => {
  it('holds the bytes of all pieces in order, for any division into pieces', () => {
    fc.assert(
      fc.property(pieces, (all) => {
        const buffer = new GrowingBuffer(MOST);
        for (const piece of all) {
          buffer.add(piece);
        }
        expect(buffer.view().equals(Buffer.concat(all))).to.equal(true);
      }),
    );
  });

  it('reports all memory that it allocates, and allocates at most twice what it holds', () => {
    fc.assert(
      fc.property(pieces, (all) => {
        let counted = 0;
        const buffer = new GrowingBuffer(MOST, (bytes) => {
          counted += bytes;
        });
        for (const piece of all) {
          buffer.add(piece);
          expect(buffer.view().buffer.byteLength).to.equal(counted);
          expect(counted).to.be.at.least(buffer.length);
          expect(counted).to.be.at.most(Math.max(4096, 2 * buffer.length));
        }
      }),
    );
  });

  it('adds nothing of a piece for which there is no memory', () => {
    const buffer = new GrowingBuffer(MOST, (bytes) => {
      if (bytes > 5000) {
        throw new Error('no room');
      }
    });
    buffer.add(Buffer.from('kept'));
    expect(() => buffer.add(Buffer.alloc(20_000))).to.throw('no room');
    expect(buffer.view().toString()).to.equal('kept');
  });

  it('at least doubles below its bound, so that copying takes linear time', () => {
    const sizes = fc.integer({ min: 0, max: 10_000_000 });
    fc.assert(
      fc.property(sizes, sizes, sizes, (capacity, needed, most) => {
        const next = nextCapacity(capacity, needed, most);
        expect(next).to.be.at.least(needed);
        expect(next).to.satisfy(
          () => needed <= capacity || next >= 2 * capacity || next >= most || next >= needed,
        );
        expect(next).to.be.at.most(Math.max(capacity, needed, most));
      }),
    );
  });
});
