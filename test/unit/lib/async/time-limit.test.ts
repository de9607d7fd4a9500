import { expect } from 'chai';
import { TimeLimit } from '../../../../src/lib/async/time-limit.js';
import { ManualClock } from '../../../support/manual-clock.js';

describe('TimeLimit', () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it('aborts its signal after the time, and reports that the time was the cause', async () => {
    const clock = new ManualClock();
    const limit = new TimeLimit(clock, 10, new AbortController().signal);
    for (let second = 0; second < 9; second += 1) {
      clock.advance(1000);
      await turn();
    }
    clock.advance(999);
    await turn();
    expect([limit.signal.aborted, limit.isOver]).to.deep.equal([false, false]);
    clock.advance(1);
    await turn();
    expect([limit.signal.aborted, limit.isOver]).to.deep.equal([true, true]);
  });

  it('does not count time in which the process was stopped', async () => {
    const clock = new ManualClock();
    const limit = new TimeLimit(clock, 10, new AbortController().signal);
    clock.advance(3_600_000);
    await turn();
    for (let second = 0; second < 9; second += 1) {
      clock.advance(1000);
      await turn();
    }
    expect(limit.isOver).to.equal(false);
    clock.advance(500);
    await turn();
    expect(limit.isOver).to.equal(true);
  });

  it('is not affected when the wall clock is set', async () => {
    const clock = new ManualClock();
    const limit = new TimeLimit(clock, 10, new AbortController().signal);
    clock.set(clock.now() + 3_600_000);
    clock.advance(1);
    await turn();
    expect(limit.isOver).to.equal(false);
    limit.end();
  });

  it('is aborted with the other signal, and does not report the time as the cause', async () => {
    const clock = new ManualClock();
    const other = new AbortController();
    const limit = new TimeLimit(clock, 10, other.signal);
    other.abort(new Error('canceled'));
    clock.advance(10_000);
    await turn();
    expect([limit.signal.aborted, limit.isOver]).to.deep.equal([true, false]);
    expect(new TimeLimit(clock, 10, other.signal).signal.aborted).to.equal(true);
  });

  it('leaves no timer and no listener when it is ended', async () => {
    const clock = new ManualClock();
    const limit = new TimeLimit(clock, 10, new AbortController().signal);
    limit.end();
    await turn();
    expect(clock.sleeping).to.equal(0);
  });

  it('uses the other signal itself when there is no limit', () => {
    const { signal } = new AbortController();
    expect(new TimeLimit(new ManualClock(), null, signal).signal).to.equal(signal);
  });
});
