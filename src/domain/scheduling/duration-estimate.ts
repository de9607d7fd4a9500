/** How long an atom took in earlier builds: mean and variance in seconds, and the number of runs. */
export interface History {
  readonly seconds: number;
  /** Square seconds. */
  readonly variance: number;
  readonly count: number;
}

/** How long something is likely to take. */
export interface DurationEstimate {
  /** Mean seconds; null when unknown. */
  readonly expected: number | null;
  /** Standard deviation in seconds; 0 when unknown. */
  readonly stdDev: number;
}

export const noEstimate: DurationEstimate = { expected: null, stdDev: 0 };

/** Fewer runs than this say little about the deviation … */
const FEW_RUNS = 4;
/** … so it is taken to be at least this part of the mean. */
const USUAL_DEVIATION = 0.2;

/** `history` is null for an atom that no build has run. */
export function estimateFromHistory(history: History | null): DurationEstimate {
  if (history === null) {
    return noEstimate;
  }
  const { seconds, variance, count } = history;
  const least = count < FEW_RUNS ? seconds * USUAL_DEVIATION : 0;
  return { expected: seconds, stdDev: Math.max(Math.sqrt(Math.max(0, variance)), least) };
}

/** The estimate for atoms that run one after another, independently of each other. */
export function sumOf(parts: readonly DurationEstimate[]): DurationEstimate {
  let expected: number | null = 0;
  let variance = 0;
  for (const part of parts) {
    expected = expected === null || part.expected === null ? null : expected + part.expected;
    variance += part.stdDev ** 2;
  }
  return expected === null ? noEstimate : { expected, stdDev: Math.sqrt(variance) };
}
