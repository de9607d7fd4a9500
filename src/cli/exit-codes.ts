/** What `clusterrunner` exits with; for `build` it is the answer to CI. */
export const exitCode = {
  success: 0,
  /** At least one atom failed. */
  testsFailed: 1,
  /** The command could not be carried out: usage, configuration, master not reachable, preparation failed. */
  couldNotRun: 2,
  /** Ctrl-C, as shells count it. */
  interrupted: 130,
} as const;
