import { RESTART_PATIENCE_MS, retry } from '../../client/retry.js';
import { type Clock, systemClock } from '../../lib/clock.js';
import type { ClusterRunnerError } from '../../protocol/errors.js';

/** A refusal that lasts longer, such as that of a full disk, does not end with a restart. */
const REFUSAL_MS = 30_000;

export interface Patience {
  readonly signal: AbortSignal;
  /** Called once, when the first attempt has failed. */
  onUnreachable?(message: string): void;
}

/**
 * Repeats a request to a master that may be starting again.
 * @throws the error of the last attempt: after 15 minutes without a response, or 30 seconds of refusals; the signal's reason
 */
export async function retryPatiently<T>(
  attempt: () => Promise<T>,
  patience: Patience,
  clock: Clock = systemClock,
): Promise<T> {
  let refusedSince: number | null = null;
  let isReported = false;
  return await retry(attempt, {
    clock,
    random: Math.random,
    signal: patience.signal,
    giveUpAfterMs: RESTART_PATIENCE_MS,
    onRetry(error) {
      refusedSince = error.code === 'MASTER_UNREACHABLE' ? null : (refusedSince ?? clock.monotonic());
      if (refusedSince !== null && clock.monotonic() - refusedSince >= REFUSAL_MS) {
        throw error;
      }
      if (!isReported) {
        isReported = true;
        patience.onUnreachable?.(unreachableMessage(error));
      }
    },
  });
}

/** The same message for all connection errors, so that it is not repeated with other details. */
export function unreachableMessage(error: ClusterRunnerError): string {
  return error.code === 'MASTER_UNREACHABLE'
    ? `The master does not respond; requests are retried for ${RESTART_PATIENCE_MS / 60_000} minutes at most.`
    : error.message;
}
