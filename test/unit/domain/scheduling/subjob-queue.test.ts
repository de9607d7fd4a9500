import { expect } from 'chai';
import fc from 'fast-check';
import { SubjobQueue } from '../../../../src/domain/scheduling/subjob-queue.js';

describe('the queue of subjobs', () => {
  it('gives returned subjobs before fresh ones, each in order, and knows how many there are', () => {
    fc.assert(
      fc.property(
        fc.nat(30),
        fc.array(fc.option(fc.nat(30), { nil: null }), { maxLength: 80 }),
        (total, steps) => {
          const fresh = Array.from({ length: total }, (_, index) => index);
          const returned = new Set<number>();
          const taken = new Set<number>();
          const queue = new SubjobQueue([...fresh]);
          for (const step of steps) {
            const back = step === null ? undefined : [...taken][step % Math.max(1, taken.size)];
            if (back !== undefined) {
              taken.delete(back);
              returned.add(back);
              queue.putBack(back);
            } else {
              const first = returned.size > 0 ? Math.min(...returned) : (fresh.shift() ?? null);
              expect(queue.take()).to.equal(first);
              if (first !== null) {
                returned.delete(first);
                taken.add(first);
              }
            }
            expect(queue.size).to.equal(fresh.length + returned.size);
            expect(queue.fresh).to.deep.equal(fresh);
          }
        },
      ),
    );
  });

  it('gives the subjobs that have replaced the fresh ones', () => {
    const queue = new SubjobQueue([0, 1, 2, 3], [9]);
    expect([queue.take(), queue.take()]).to.deep.equal([9, 0]);
    queue.putBack(0);
    queue.replaceFresh([2, 5]);
    expect(queue.size).to.equal(3);
    expect([queue.take(), queue.take(), queue.take(), queue.take()]).to.deep.equal([0, 2, 5, null]);
  });
});
