import type { MasterClient, Watched } from '../../../client/master-client.js';
import { RESTART_PATIENCE_MS, retry } from '../../../client/retry.js';
import type { Clock } from '../../../lib/clock.js';
import type { Build } from '../../../protocol/build/build.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import type { BuildId } from '../../../protocol/ids.js';
import { unreachableMessage } from '../patience.js';

export interface FollowOptions {
  readonly client: MasterClient;
  readonly buildId: BuildId;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Seconds between two updates; the end is seen at once in any case. */
  readonly everySeconds: number;
  /** The master has responded; `onChange` follows if the build has changed. */
  onResponse(): void;
  onChange(build: Build): void;
  /** A request has failed, for the reason in the message; it is retried. */
  onUnreachable(message: string): void;
}

/** For an older master without long polls. */
const FIRST_POLL_MS = 30;
const SLOWEST_POLL_MS = 1000;

/**
 * Resolves with the build when it has ended. It uses long polls, so the end is seen within milliseconds. A master without
 * long polls is polled after a twentieth of the time that has passed.
 * @throws ClusterRunnerError MASTER_UNREACHABLE after 15 minutes without a response; the signal's reason
 */
export async function followBuild(options: FollowOptions): Promise<Build> {
  const { clock, signal } = options;
  const started = clock.monotonic();
  let etag: string | null = null;
  for (let isFirst = true; ; isFirst = false) {
    const waitSeconds = isFirst ? 0 : options.everySeconds;
    const watched: Watched = await retry(() => ask(options, etag, waitSeconds), {
      clock,
      random: Math.random,
      signal,
      giveUpAfterMs: RESTART_PATIENCE_MS,
      onRetry: (error) => options.onUnreachable(unreachableMessage(error)),
    });
    options.onResponse();
    etag = watched.etag;
    if (watched.build !== null) {
      options.onChange(watched.build);
      if (watched.build.status !== 'BUILDING') {
        return watched.build;
      }
    }
    if (etag === null) {
      const wait = Math.min(SLOWEST_POLL_MS, Math.max(FIRST_POLL_MS, (clock.monotonic() - started) / 20));
      await clock.sleep(wait, signal);
    }
  }
}

async function ask(options: FollowOptions, etag: string | null, waitSeconds: number): Promise<Watched> {
  const { client, buildId, signal } = options;
  try {
    return await client.watchBuild(buildId, { waitSeconds, until: 'end', etag }, { signal });
  } catch (error) {
    if (error instanceof ClusterRunnerError && error.code === 'INVALID_REQUEST') {
      // An older master refuses an unknown query.
      return { build: await client.getBuild(buildId, { signal }), etag: null };
    }
    throw error;
  }
}
