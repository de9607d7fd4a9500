/** The exit codes of `clusterrunner`. */
export const exitCode = {
  success: 0,
  /** At least one atom failed. */
  testsFailed: 1,
  /** The command could not be carried out: usage, configuration, master not reachable, preparation failed. */
  couldNotRun: 2,
  /** 128 + SIGINT, as in shells. */
  interrupted: 130,
} as const;
