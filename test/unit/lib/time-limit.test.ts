import { expect } from 'chai';
import { TimeLimit } from '../../../src/lib/time-limit.js';
import { ManualClock } from '../../support/manual-clock.js';

describe('a limit of time', () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('aborts when its time is over, and says that it was the time', async () => {
    const clock = new ManualClock();
    const limit = new TimeLimit(clock, 10, new AbortController().signal);
    clock.advance(9_999);
    await turn();
    expect([limit.signal.aborted, limit.isOver]).to.deep.equal([false, false]);
    clock.advance(1);
    await turn();
    expect([limit.signal.aborted, limit.isOver]).to.deep.equal([true, true]);
  });

  it('follows the other signal, which then is what ended it', async () => {
    const clock = new ManualClock();
    const other = new AbortController();
    const limit = new TimeLimit(clock, 10, other.signal);
    other.abort(new Error('canceled'));
    clock.advance(10_000);
    await turn();
    expect([limit.signal.aborted, limit.isOver]).to.deep.equal([true, false]);
    expect(new TimeLimit(clock, 10, other.signal).signal.aborted).to.equal(true);
  });

  it('leaves nothing behind when it is ended', async () => {
    const clock = new ManualClock();
    const limit = new TimeLimit(clock, 10, new AbortController().signal);
    limit.end();
    await turn();
    expect(clock.sleeping).to.equal(0);
  });

  it('is the other signal when there is no limit', () => {
    const { signal } = new AbortController();
    expect(new TimeLimit(new ManualClock(), null, signal).signal).to.equal(signal);
  });
});
