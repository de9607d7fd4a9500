import { expect } from 'chai';
import { CleanupStack } from '../../../../src/lib/async/cleanup-stack.js';

describe('CleanupStack', () => {
  it('releases resources once, in the reverse order of their acquisition', async () => {
    const order: number[] = [];
    const cleanup = new CleanupStack();
    for (const n of [1, 2, 3]) {
      cleanup.add(() => void order.push(n));
    }
    await cleanup.releaseAll();
    await cleanup.releaseAll();
    expect(order).to.deep.equal([3, 2, 1]);
  });

  it('releases the rest when one release fails, and then throws all failures', async () => {
    const order: number[] = [];
    const cleanup = new CleanupStack();
    cleanup.add(() => void order.push(1));
    cleanup.add(() => Promise.reject(new Error('stuck')));
    cleanup.add(() => void order.push(3));
    const failure: unknown = await cleanup.releaseAll().catch((error: unknown) => error);
    expect(order).to.deep.equal([3, 1]);
    expect(failure).to.be.instanceOf(AggregateError).with.nested.property('errors[0].message', 'stuck');
  });
});
