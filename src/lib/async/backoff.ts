export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * Delay before retry number `attempt` (from 0): exponential with equal jitter, so that a thousand slaves that lost the same
 * master do not come back in step. `random` in [0, 1).
 */
export function backoffDelay(attempt: number, options: BackoffOptions, random: number): number {
  const ceiling = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(attempt, 30));
  return ceiling / 2 + (random * ceiling) / 2;
}
