import { expect } from 'chai';
import fc from 'fast-check';
import { IndexPool } from '../../../src/domain/index-pool.js';

describe('an index pool', () => {
  it('always gives the smallest free index', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(20), { nil: null })), (steps) => {
        const pool = new IndexPool();
        const used = new Set<number>();
        for (const step of steps) {
          const victim = step === null ? undefined : [...used][step % Math.max(1, used.size)];
          if (victim !== undefined) {
            pool.release(victim);
            used.delete(victim);
            continue;
          }
          let smallest = 0;
          while (used.has(smallest)) {
            smallest += 1;
          }
          expect(pool.take()).to.equal(smallest);
          used.add(smallest);
        }
      }),
    );
  });

  it('skips indexes that were reserved', () => {
    const pool = new IndexPool();
    pool.reserve(1);
    pool.reserve(0);
    expect([pool.take(), pool.take()]).to.deep.equal([2, 3]);
  });

  it('refuses to reserve an index in use, and to release a free one', () => {
    const pool = new IndexPool();
    pool.reserve(3);
    expect(() => pool.reserve(3)).to.throw('in use');
    expect(() => pool.release(2)).to.throw('not in use');
  });
});
