import { backoffDelay } from '../lib/async/backoff.js';
import type { Clock } from '../lib/clock.js';
import { ClusterRunnerError, type ErrorCode } from '../protocol/errors.js';

/** Temporary errors: no response, a master that is stopping, overloaded or without disk space, an internal error. */
const TEMPORARY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MASTER_UNREACHABLE',
  'UNAVAILABLE',
  'TOO_MANY_REQUESTS',
  'INTERNAL',
]);

/** Longer than a restart or update of a master takes; a caller that waits for one gives up after it. */
export const RESTART_PATIENCE_MS = 15 * 60_000;

const MAX_DELAY_MS = 15_000;
const MAX_RETRY_AFTER_MS = 60_000;

export interface RetryOptions {
  readonly clock: Clock;
  /** In [0, 1), for the jitter. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Gives up so long after the first attempt, and throws the last error. Default: never. */
  readonly giveUpAfterMs?: number;
  /** Errors that are temporary for this caller too. */
  readonly alsoRetry?: ReadonlySet<ErrorCode>;
  readonly onRetry?: (error: ClusterRunnerError, delayMs: number) => void;
}

/**
 * The retry policy of all calls to a master: 0.25 s doubling to 15 s, with jitter; at least what Retry-After says.
 * @throws the error of `attempt` when it is not temporary or the time is over; the signal's reason when aborted
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const started = options.clock.monotonic();
  for (let tries = 0; ; tries += 1) {
    options.signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof ClusterRunnerError) || !isTemporary(error.code, options)) {
        throw error;
      }
      const backoffMs = backoffDelay(tries, { firstMs: 250, maxMs: MAX_DELAY_MS }, options.random());
      const retryAfterMs = Math.min((error.retryAfterSeconds ?? 0) * 1000, MAX_RETRY_AFTER_MS);
      const delayMs = Math.max(backoffMs, retryAfterMs);
      const spent = options.clock.monotonic() - started + delayMs;
      if (options.giveUpAfterMs !== undefined && spent > options.giveUpAfterMs) {
        throw error;
      }
      options.onRetry?.(error, delayMs);
      await options.clock.sleep(delayMs, options.signal);
    }
  }
}

function isTemporary(code: ErrorCode, { alsoRetry }: RetryOptions): boolean {
  return TEMPORARY.has(code) || (alsoRetry?.has(code) ?? false);
}
