import { expect } from 'chai';
import { retryPatiently } from '../../../../src/cli/build/patience.js';
import type { Clock } from '../../../../src/lib/clock.js';
import { ClusterRunnerError, type ErrorCode } from '../../../../src/protocol/errors.js';
import { failureOf } from '../../../support/failure-of.js';

describe('waiting for a master that may restart', () => {
  /** Sleeps take no time, and are counted. */
  function sleeplessClock(): Clock {
    let now = 0;
    return {
      now: () => now,
      monotonic: () => now,
      sleep: async (ms) => {
        now += ms;
      },
    };
  }

  const { signal } = new AbortController();
  async function triedFor(codeOf: (ms: number) => ErrorCode): Promise<number> {
    const clock = sleeplessClock();
    const attempt = async () => {
      throw new ClusterRunnerError(codeOf(clock.monotonic()), 'no');
    };
    await failureOf(retryPatiently(attempt, { signal }, clock));
    return clock.monotonic() / 1000;
  }

  it('goes on for 15 minutes without a response', async () => {
    expect(await triedFor(() => 'MASTER_UNREACHABLE')).to.be.within(14 * 60, 15 * 60);
  });

  for (const code of ['UNAVAILABLE', 'INTERNAL', 'TOO_MANY_REQUESTS'] as const) {
    it(`ends after half a minute of refusals (${code}), counted from the first response`, async () => {
      expect(await triedFor(() => code)).to.be.within(30, 60);
      const afterRestart = await triedFor((ms) => (ms < 120_000 ? 'MASTER_UNREACHABLE' : code));
      expect(afterRestart).to.be.within(150, 200);
    });
  }
});
