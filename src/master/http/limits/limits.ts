/** What a sender may ask of the master at most. Far beyond what a cluster of a thousand slaves needs. */
export interface Limits {
  readonly connections: number;
  readonly headerBytes: number;
  /** Seconds in which the headers of a request must have come. */
  readonly headersSeconds: number;
  /** Seconds in which the body must have come of a sender that has not shown yet that it has the secret. */
  readonly bodySeconds: number;
  /** Of JSON whose sender has the secret. */
  readonly jsonBytes: number;
  /** Of a body whose sender has not shown yet that it has the secret. */
  readonly unprovedBytes: number;
  /** Of objects and lists in one another. */
  readonly jsonDepth: number;
  /** Of the results of one subjob. */
  readonly archiveBytes: number;
  /** That one slave may have open at once. */
  readonly requestsPerSlave: number;
  /** That strangers of one address may read at once. */
  readonly readsPerAddress: number;
  /** Of JSON that strangers of one address have asked for and not read; four times that of all. */
  readonly unreadBytes: number;
  /** Seconds without any progress after which a reader of JSON or events is cut off. */
  readonly unreadSeconds: number;
  /** That are answered as such, of one address within a minute. */
  readonly failedSignatures: number;
}

/** Below it an operator should know that there are fewer connections than the configuration says. */
const WORTH_A_WARNING = 1 / 2;

/** Whether so many fewer connections than are configured may matter: a few of thousands do not. */
export function isFarBelow(connections: number, configured: number): boolean {
  return connections < configured * WORTH_A_WARNING;
}

/** Held open beside connections, however few files there may be: the database, logs, the files of Node. */
const OWN_FILES = 64;

/**
 * As many connections as leave a file for each: who is connected may download something, and what slaves deliver needs
 * files too. `files`: how many the process may have open; null: no limit is known.
 */
export function connectionsWithin(connections: number, files: number | null): number {
  return files === null
    ? connections
    : Math.max(1, Math.min(connections, Math.floor((files - OWN_FILES) / 2)));
}

const MIB = 1024 * 1024;

export const defaultLimits: Limits = {
  connections: 10_000,
  headerBytes: 16 * 1024,
  headersSeconds: 20,
  bodySeconds: 60,
  jsonBytes: 256 * MIB,
  unprovedBytes: 16 * MIB,
  jsonDepth: 32,
  archiveBytes: 64 * 1024 * MIB,
  requestsPerSlave: 1000,
  readsPerAddress: 256,
  unreadBytes: 64 * MIB,
  unreadSeconds: 60,
  failedSignatures: 100,
};
