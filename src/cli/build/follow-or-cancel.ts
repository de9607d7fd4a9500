import type { MasterClient } from '../../client/master-client.js';
import { retry } from '../../client/retry.js';
import { systemClock } from '../../lib/clock.js';
import type { Build } from '../../protocol/build/build.js';
import type { BuildId } from '../../protocol/ids.js';
import { followBuild } from './progress/follow.js';
import type { ProgressDisplay } from './progress/progress-display.js';
import { FIRST_CONTACT_MS } from './request/local-request.js';

/** Seconds after which failures are shown when the output is no terminal. */
const LOG_SECONDS = 2;

interface Following {
  readonly display: ProgressDisplay;
  readonly interrupt: AbortSignal;
  readonly trouble: AbortSignal;
  /** Whether progress is shown at once. */
  readonly isLive: boolean;
}

/**
 * Resolves with the ended build. An interrupt cancels it on the master, whose slaves then deliver what they have.
 * @throws ClusterRunnerError the reason of `trouble`
 */
export async function followOrCancel(
  client: MasterClient,
  buildId: BuildId,
  { display, interrupt, trouble, isLive }: Following,
): Promise<{ build: Build; isInterrupted: boolean }> {
  const follow = (signal: AbortSignal) =>
    followBuild({
      client,
      buildId,
      clock: systemClock,
      signal: AbortSignal.any([signal, trouble]),
      everySeconds: isLive ? 1 : LOG_SECONDS,
      onChange: (build) => display.show(build),
      onResponse: () => display.responded(),
      onUnreachable: (message) => display.unreachable(message),
    });
  try {
    return { build: await follow(interrupt), isInterrupted: false };
  } catch (error) {
    if (!interrupt.aborted) {
      throw error;
    }
  }
  display.canceling();
  display.say(`Canceling build ${buildId} and fetching what it has; once more to leave at once.`);
  // Another interrupt ends the process.
  const { signal } = new AbortController();
  const build = await retry(() => client.cancelBuild(buildId), {
    clock: systemClock,
    random: Math.random,
    signal,
    giveUpAfterMs: FIRST_CONTACT_MS,
  });
  return { build: build.status === 'BUILDING' ? await follow(signal) : build, isInterrupted: true };
}
