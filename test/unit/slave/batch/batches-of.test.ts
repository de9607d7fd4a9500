import { expect } from 'chai';
import fc from 'fast-check';
import { batchesOf } from '../../../../src/slave/batch/batches-of.js';

const places = fc
  .array(fc.constantFrom('A', 'B'), { maxLength: 50 })
  .map((variables) => variables.map((variable, id) => ({ id, atom: { variable } })));
const size = fc.integer({ min: 2, max: 20 });

describe('the batches of a subjob', () => {
  it('have every atom once and in order, none more than its size, and one variable each', () => {
    fc.assert(
      fc.property(places, size, (all, most) => {
        const batches = batchesOf(all, most);
        expect(batches.flat()).to.deep.equal(all);
        for (const batch of batches) {
          expect(batch.length).to.be.within(1, most);
          expect(new Set(batch.map(({ atom }) => atom.variable)).size).to.equal(1);
        }
      }),
    );
  });

  it('are as few as possible, and even', () => {
    const all = Array.from({ length: 21 }, () => ({ atom: { variable: 'A' } }));
    expect(batchesOf(all, 20).map((batch) => batch.length)).to.deep.equal([10, 11]);
  });
});
