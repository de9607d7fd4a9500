import { expect } from 'chai';
import fc from 'fast-check';
import { MINUTE_MS, MinuteAverages } from '../../../src/domain/utilization.js';

const load = (executors: number, busy: number, waiting = 0) => ({ executors, busy, waiting });

describe('the averages of a minute', () => {
  it('come with the first sample of another minute', () => {
    const averages = new MinuteAverages();
    expect(averages.add(load(4, 4, 2), 10 * MINUTE_MS)).to.equal(null);
    expect(averages.add(load(4, 1), 10 * MINUTE_MS + 59_999)).to.equal(null);
    expect(averages.add(load(9, 9), 11 * MINUTE_MS)).to.deep.equal({ minute: 10, ...load(4, 2.5, 1) });
    expect(averages.add(load(0, 0), 12 * MINUTE_MS)).to.deep.equal({ minute: 11, ...load(9, 9) });
  });

  it('leave out minutes without a sample, and go on when the clock is set back', () => {
    const averages = new MinuteAverages();
    averages.add(load(1, 1), 10 * MINUTE_MS);
    expect(averages.add(load(2, 2), 500 * MINUTE_MS)).to.deep.equal({ minute: 10, ...load(1, 1) });
    expect(averages.add(load(3, 3), 20 * MINUTE_MS)).to.deep.equal({ minute: 500, ...load(2, 2) });
  });

  it('are within the samples, and never more busy than there are executors', () => {
    const samples = fc.array(
      fc.record({
        executors: fc.nat(100),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
        ms: fc.nat(20_000),
      }),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(samples, (list) => {
        const averages = new MinuteAverages();
        let now = 0;
        const highest = Math.max(...list.map(({ executors }) => executors));
        for (const { executors, share, ms } of list) {
          now += ms;
          const over = averages.add(load(executors, Math.floor(executors * share)), now);
          if (over !== null) {
            expect(over.executors).to.be.within(0, highest);
            expect(over.busy).to.be.within(0, over.executors);
            expect(over.minute).to.be.below(now / MINUTE_MS);
          }
        }
      }),
    );
  });
});
