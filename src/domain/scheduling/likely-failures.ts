import type { DurationEstimate } from './duration-estimate.js';

/** A smaller risk is not worth another order. */
const LEAST_RISK = 0.002;
/** So many atoms at most come before all others: where most of a suite fails, any order shows it soon. */
const MOST_LIKELY = 1_000;
/** No atom is shorter, since each starts a process. Seconds. */
const LEAST_SECONDS = 0.005;

export interface RiskyAtom extends DurationEstimate {
  /** The atom's index in the list that was prepared. */
  readonly index: number;
  /** How likely it is that it fails, from 0 to 1, where that determines the order; 0 unless given. */
  readonly risk?: number;
}

/**
 * Splits atoms into likely failures, in the order in which they should run, and the others, in their order. The largest
 * risk for each second comes first, which finds the first failure soonest when failures are independent (W. E. Smith, Various
 * optimizers for single-stage production, Naval Research Logistics Quarterly 3, 1956). An atom of unknown length counts
 * as long as the mean of the known ones.
 */
export function splitLikelyFailures<T extends RiskyAtom>(
  atoms: readonly T[],
): { readonly likely: T[]; readonly others: readonly T[] } {
  const risky = atoms.filter(({ risk = 0 }) => risk >= LEAST_RISK);
  if (risky.length === 0) {
    return { likely: [], others: atoms };
  }
  const mean = meanSeconds(atoms);
  const rate = ({ risk = 0, expected }: T) => risk / Math.max(expected ?? mean, LEAST_SECONDS);
  const likely = risky.sort((a, b) => rate(b) - rate(a) || a.index - b.index).slice(0, MOST_LIKELY);
  const taken = new Set(likely);
  return { likely, others: atoms.filter((atom) => !taken.has(atom)) };
}

/** The mean of those that are known; 1 without any. */
function meanSeconds(atoms: readonly DurationEstimate[]): number {
  const known = atoms.flatMap(({ expected }) => expected ?? []);
  return known.length === 0 ? 1 : known.reduce((sum, one) => sum + one, 0) / known.length;
}
