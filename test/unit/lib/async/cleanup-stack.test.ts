import { expect } from 'chai';
import { Releasers } from '../../../../src/lib/async/cleanup-stack.js';

describe('releasers', () => {
  it('release in the reverse order of acquisition, once', async () => {
    const order: number[] = [];
    const releasers = new Releasers();
    for (const n of [1, 2, 3]) {
      releasers.add(() => void order.push(n));
    }
    await releasers.releaseAll();
    await releasers.releaseAll();
    expect(order).to.deep.equal([3, 2, 1]);
  });

  it('release the rest when one fails, and then tell what failed', async () => {
    const order: number[] = [];
    const releasers = new Releasers();
    releasers.add(() => void order.push(1));
    releasers.add(() => Promise.reject(new Error('stuck')));
    releasers.add(() => void order.push(3));
    const failure: unknown = await releasers.releaseAll().catch((error: unknown) => error);
    expect(order).to.deep.equal([3, 1]);
    expect(failure).to.be.instanceOf(AggregateError).with.nested.property('errors[0].message', 'stuck');
  });
});
