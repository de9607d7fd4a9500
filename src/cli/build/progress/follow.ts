import type { MasterClient, Watched } from '../../../client/master-client.js';
import { retry } from '../../../client/retry.js';
import type { Clock } from '../../../lib/clock.js';
import type { Build } from '../../../protocol/build/build.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';
import type { BuildId } from '../../../protocol/ids.js';

export interface FollowOptions {
  readonly client: MasterClient;
  readonly buildId: BuildId;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How often progress is wanted, in seconds; the end is seen at once in any case. */
  readonly everySeconds: number;
  /** The master has answered; `onChange` follows when there is news. */
  onAnswer(): void;
  onChange(build: Build): void;
  /** It has not, as the sentence says; it is asked again. */
  onMissed(sentence: string): void;
}

/** A master that is being restarted or updated comes back within this; one that does not is given up. */
const PATIENCE_MS = 15 * 60_000;
/** For a master that does not know how to wait. */
const FIRST_POLL_MS = 30;
const SLOWEST_POLL_MS = 1000;

/**
 * Resolves with the build when it has ended. The question waits at the master, so the end is seen within
 * milliseconds. Of a master that answers at once all the same it asks often at first, and ever more seldom as the
 * build goes on: the wait is a twentieth of the time that has passed.
 * @throws ClusterRunnerError MASTER_UNREACHABLE after 15 minutes without an answer; the signal's reason.
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
      giveUpAfterMs: PATIENCE_MS,
      onRetry: (error) => options.onMissed(missedSentence(error)),
    });
    options.onAnswer();
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

/** Without what is different each time that nobody answers. */
function missedSentence(error: ClusterRunnerError): string {
  return error.code === 'MASTER_UNREACHABLE'
    ? `The master does not answer; it is asked again, for ${PATIENCE_MS / 60_000} minutes at most.`
    : error.message;
}

async function ask(options: FollowOptions, etag: string | null, waitSeconds: number): Promise<Watched> {
  const { client, buildId, signal } = options;
  try {
    return await client.watchBuild(buildId, { waitSeconds, until: 'end', etag }, { signal });
  } catch (error) {
    if (error instanceof ClusterRunnerError && error.code === 'INVALID_REQUEST') {
      // An older master refuses a query that it does not know.
      return { build: await client.getBuild(buildId, { signal }), etag: null };
    }
    throw error;
  }
}
