/** What earlier builds have shown of an atom: mean and variance of the seconds that it took, and of how many runs. */
export interface History {
  readonly seconds: number;
  /** Square seconds. */
  readonly variance: number;
  readonly count: number;
}

/** How long something is likely to take. */
export interface DurationEstimate {
  /** Seconds; null when nothing is known. */
  readonly expected: number | null;
  /** Seconds: how far that may be off, as a standard deviation. 0 when nothing is known. */
  readonly stdDev: number;
}

export const unknown: DurationEstimate = { expected: null, stdDev: 0 };

/** Fewer runs than this say little about the spread … */
const FEW_RUNS = 4;
/** … so it is taken to be at least this part of the mean. */
const USUAL_SPREAD = 0.2;

/** `history` null: no build has run it. */
export function estimateFromHistory(history: History | null): DurationEstimate {
  if (history === null) {
    return unknown;
  }
  const { seconds, variance, count } = history;
  const least = count < FEW_RUNS ? seconds * USUAL_SPREAD : 0;
  return { expected: seconds, stdDev: Math.max(Math.sqrt(Math.max(0, variance)), least) };
}

/** Of atoms that run one after another, each as long as it is by itself. */
export function sumOf(parts: readonly DurationEstimate[]): DurationEstimate {
  let expected: number | null = 0;
  let variance = 0;
  for (const part of parts) {
    expected = expected === null || part.expected === null ? null : expected + part.expected;
    variance += part.stdDev ** 2;
  }
  return expected === null ? unknown : { expected, stdDev: Math.sqrt(variance) };
}
