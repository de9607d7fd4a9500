import { expect } from 'chai';
import { retry } from '../../../src/client/retry.js';
import type { Clock } from '../../../src/lib/clock.js';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';

/** Time passes only by sleeping. */
function sleepingClock(): Clock & { slept: number[] } {
  const slept: number[] = [];
  return {
    slept,
    now: () => slept.reduce((sum, ms) => sum + ms, 0),
    monotonic: () => slept.reduce((sum, ms) => sum + ms, 0),
    sleep: (ms) => {
      slept.push(ms);
      return Promise.resolve();
    },
  };
}

function failingTimes(times: number, error: Error) {
  let calls = 0;
  return async () => {
    calls += 1;
    if (calls <= times) {
      throw error;
    }
    return calls;
  };
}

const unreachable = new ClusterRunnerError('MASTER_UNREACHABLE', 'No response.');
const signal = new AbortController().signal;
const random = () => 0.5;

describe('retry', () => {
  it('retries until the master responds', async () => {
    const clock = sleepingClock();
    expect(await retry(failingTimes(3, unreachable), { clock, random, signal })).to.equal(4);
    expect(clock.slept).to.have.length(3);
  });

  it('does not retry after an error that is not temporary', async () => {
    const wrong = new ClusterRunnerError('UNAUTHENTICATED', 'Wrong secret.');
    const clock = sleepingClock();
    const failure: unknown = await retry(failingTimes(1, wrong), { clock, random, signal }).catch(
      (e: unknown) => e,
    );
    expect(failure).to.equal(wrong);
    expect(clock.slept).to.deep.equal([]);
  });

  it('gives up with the last error when the time is over', async () => {
    const clock = sleepingClock();
    const options = { clock, random, signal, giveUpAfterMs: 5_000 };
    const failure: unknown = await retry(failingTimes(1e9, unreachable), options).catch((e: unknown) => e);
    expect(failure).to.equal(unreachable);
    expect(clock.now()).to.be.at.most(5_000);
  });

  it('ends with the reason of the signal when that is aborted during the backoff', async () => {
    const controller = new AbortController();
    const reason = new Error('stopping');
    const options = {
      clock: sleepingClock(),
      random,
      signal: controller.signal,
      onRetry: () => controller.abort(reason),
    };
    const failure: unknown = await retry(failingTimes(1e9, unreachable), options).catch((e: unknown) => e);
    expect(failure).to.equal(reason);
  });
});
