/**
 * Seconds until a build ends if it keeps its executors; null when there is no history or nobody works on it.
 * `secondsOfUndone` counts running subjobs in full, so the estimate errs on the late side.
 */
export function secondsLeft(secondsOfUndone: number | null, executors: number): number | null {
  return secondsOfUndone === null || executors === 0 ? null : secondsOfUndone / executors;
}
