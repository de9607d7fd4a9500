import { backoffDelay } from '../lib/backoff.js';
import type { Clock } from '../lib/clock.js';
import { ClusterRunnerError, type ErrorCode } from '../protocol/errors.js';

/** What may pass by itself: no answer, a master that is stopping or whose disk is full, a fault of its own. */
const RETRIED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['MASTER_UNREACHABLE', 'UNAVAILABLE', 'INTERNAL']);

export interface RetryOptions {
  readonly clock: Clock;
  /** In [0, 1), for the jitter. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Give up once this long has passed since the first try, and throw the last error. Unless given: never. */
  readonly giveUpAfterMs?: number;
  /** What else may pass: a signature is refused while a secret is changed, or a clock is wrong. */
  readonly retryUnauthenticated?: boolean;
  readonly onRetry?: (error: ClusterRunnerError, delayMs: number) => void;
}

/**
 * The one retry policy of all that talks to a master: 0.25 s doubling to 15 s, with jitter.
 * @throws what `attempt` threw, when waiting cannot mend it or the time is up; the signal's reason when aborted.
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const started = options.clock.now();
  for (let tries = 0; ; tries += 1) {
    options.signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof ClusterRunnerError) || !mayPass(error.code, options)) {
        throw error;
      }
      const delayMs = backoffDelay(tries, { firstMs: 250, maxMs: 15_000 }, options.random());
      const spent = options.clock.now() - started + delayMs;
      if (options.giveUpAfterMs !== undefined && spent > options.giveUpAfterMs) {
        throw error;
      }
      options.onRetry?.(error, delayMs);
      await options.clock.sleep(delayMs, options.signal);
    }
  }
}

function mayPass(code: ErrorCode, { retryUnauthenticated = false }: RetryOptions): boolean {
  return RETRIED.has(code) || (retryUnauthenticated && code === 'UNAUTHENTICATED');
}
