import type { MasterClient } from '../../client/master-client.js';
import { retry } from '../../client/retry.js';
import type { Clock } from '../../lib/clock.js';
import type { Build } from '../../protocol/build.js';
import type { ClusterRunnerError } from '../../protocol/errors.js';
import type { BuildId } from '../../protocol/ids.js';

export interface FollowOptions {
  readonly client: MasterClient;
  readonly buildId: BuildId;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  onChange(build: Build): void;
  onUnreachable(error: ClusterRunnerError): void;
}

/** A master that is being restarted or updated comes back within this; one that does not is given up. */
const PATIENCE_MS = 15 * 60_000;
const FIRST_POLL_MS = 30;
const SLOWEST_POLL_MS = 1000;

/**
 * Polls until the build has ended. It asks often at first, so that a short build is not made longer, and ever
 * more seldom as the build goes on: the wait is a twentieth of the time that has passed.
 * @throws ClusterRunnerError MASTER_UNREACHABLE after 15 minutes without an answer; the signal's reason.
 */
export async function followBuild(options: FollowOptions): Promise<Build> {
  const { client, buildId, clock, signal } = options;
  const started = clock.now();
  for (;;) {
    const build = await retry(() => client.getBuild(buildId, { signal }), {
      clock,
      random: Math.random,
      signal,
      giveUpAfterMs: PATIENCE_MS,
      onRetry: options.onUnreachable,
    });
    options.onChange(build);
    if (build.status !== 'BUILDING') {
      return build;
    }
    const wait = Math.min(SLOWEST_POLL_MS, Math.max(FIRST_POLL_MS, (clock.now() - started) / 20));
    await clock.sleep(wait, signal);
  }
}
