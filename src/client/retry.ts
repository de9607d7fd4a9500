import { backoffDelay } from '../lib/async/backoff.js';
import type { Clock } from '../lib/clock.js';
import { ClusterRunnerError, type ErrorCode } from '../protocol/errors.js';

/** What may pass by itself: no answer, a master that is stopping, too busy or whose disk is full, a fault of its own. */
const RETRIED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MASTER_UNREACHABLE',
  'UNAVAILABLE',
  'TOO_MANY_REQUESTS',
  'INTERNAL',
]);

const MAX_DELAY_MS = 15_000;
const MAX_ASKED_MS = 60_000;

export interface RetryOptions {
  readonly clock: Clock;
  /** In [0, 1), for the jitter. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Give up once this long has passed since the first try, and throw the last error. Unless given: never. */
  readonly giveUpAfterMs?: number;
  /** What may pass by itself for this caller, beside what may for all. */
  readonly alsoRetry?: ReadonlySet<ErrorCode>;
  readonly onRetry?: (error: ClusterRunnerError, delayMs: number) => void;
}

/**
 * The one retry policy of all that talks to a master: 0.25 s doubling to 15 s, with jitter.
 * @throws what `attempt` threw, when waiting cannot mend it or the time is up; the signal's reason when aborted.
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const started = options.clock.monotonic();
  for (let tries = 0; ; tries += 1) {
    options.signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof ClusterRunnerError) || !isPassing(error.code, options)) {
        throw error;
      }
      const backoffMs = backoffDelay(tries, { firstMs: 250, maxMs: MAX_DELAY_MS }, options.random());
      // As long as the master asked for, but not for as long as any answer might ask for.
      const asked = Math.min((error.retryAfterSeconds ?? 0) * 1000, MAX_ASKED_MS);
      const delayMs = Math.max(backoffMs, asked);
      const spent = options.clock.monotonic() - started + delayMs;
      if (options.giveUpAfterMs !== undefined && spent > options.giveUpAfterMs) {
        throw error;
      }
      options.onRetry?.(error, delayMs);
      await options.clock.sleep(delayMs, options.signal);
    }
  }
}

function isPassing(code: ErrorCode, { alsoRetry }: RetryOptions): boolean {
  return RETRIED.has(code) || (alsoRetry?.has(code) ?? false);
}
