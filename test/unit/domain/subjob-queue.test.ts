import { expect } from 'chai';
import fc from 'fast-check';
import { SubjobQueue } from '../../../src/domain/subjob-queue.js';

describe('the queue of subjobs', () => {
  it('always gives the first that is queued, whatever comes back, and knows how many there are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 30 }),
        fc.array(fc.option(fc.nat(30), { nil: null }), { maxLength: 80 }),
        (atStart, steps) => {
          const queued = new Set(atStart.flatMap((isQueued, index) => (isQueued ? [index] : [])));
          const taken = new Set(atStart.flatMap((isQueued, index) => (isQueued ? [] : [index])));
          const queue = new SubjobQueue(atStart.length, queued.size, (index) => queued.has(index));
          for (const step of steps) {
            const back = step === null ? undefined : [...taken][step % Math.max(1, taken.size)];
            if (back !== undefined) {
              taken.delete(back);
              queued.add(back);
              queue.putBack(back);
            } else {
              const first = queued.size === 0 ? null : Math.min(...queued);
              expect(queue.take()).to.equal(first);
              if (first !== null) {
                queued.delete(first);
                taken.add(first);
              }
            }
            expect(queue.size).to.equal(queued.size);
          }
        },
      ),
    );
  });
});
