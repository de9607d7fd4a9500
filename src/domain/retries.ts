import type { JobDefinition } from '../protocol/build/job.js';

/** However small the build. */
const LEAST_BUDGET = 10;
const SHARE_OF_ATOMS = 0.1;

/**
 * How many retries a build may spend in all: its max_retries, or else a tenth of its atoms, and at least ten. A
 * build in which everything fails must not take several times as long to end.
 */
export function retryBudget({ retries, max_retries }: JobDefinition, atoms: number): number {
  if ((retries ?? 0) === 0) {
    return 0;
  }
  return max_retries ?? Math.max(LEAST_BUDGET, Math.ceil(atoms * SHARE_OF_ATOMS));
}

/** Which of the failed atoms run again, in their order. `retried` is how often each has run again already. */
export function atomsToRetry<T extends { readonly retried: number }>(
  failed: readonly T[],
  retries: number,
  budgetLeft: number,
): T[] {
  return failed.filter(({ retried }) => retried < retries).slice(0, Math.max(0, budgetLeft));
}
