export interface Rest {
  /** Seconds of the atoms that have not ended; null without an estimate. Running ones may count in full. */
  readonly seconds: number | null;
  /** Executors that work on the build. */
  readonly executors: number;
  /** Those among them whose slave is still setting up. */
  readonly settingUp: number;
  /** How long that takes; null when it is not known or negligible. */
  readonly setupSeconds: number | null;
}

/**
 * Seconds until a build ends if it keeps its executors; null without an estimate, or when nobody works on it. Running
 * atoms count in full, so the estimate errs on the late side.
 */
export function secondsLeft({ seconds, executors, settingUp, setupSeconds }: Rest): number | null {
  return seconds === null || executors === 0 ? null : (seconds + settingUp * (setupSeconds ?? 0)) / executors;
}
