/** Limits on clients of the API, far beyond what a cluster of a thousand slaves needs. */
export interface Limits {
  readonly connections: number;
  readonly headerBytes: number;
  /** Seconds within which the headers of a request must arrive. */
  readonly headersSeconds: number;
  /** Seconds within which the body of an unauthenticated sender must arrive. */
  readonly bodySeconds: number;
  /** Of a JSON body whose sender is authenticated. */
  readonly jsonBytes: number;
  /** Of a body whose sender is not authenticated yet. */
  readonly unprovedBytes: number;
  /** Of nested objects and lists. */
  readonly jsonDepth: number;
  /** Of the results of one subjob. */
  readonly archiveBytes: number;
  /** Requests in flight of one slave. */
  readonly requestsPerSlave: number;
  /** Concurrent reads of anonymous clients of one address. */
  readonly readsPerAddress: number;
  /** Of JSON responses that anonymous clients of one address have not read; of all addresses, four times that. */
  readonly unreadBytes: number;
  /** Seconds without progress after which a reader of JSON or events is cut off. */
  readonly unreadSeconds: number;
  /** Invalid signatures of one address within a minute whose responses give the reason. */
  readonly failedSignatures: number;
}

/** Below this part of the configured connections, an operator is warned. */
const WORTH_A_WARNING = 1 / 2;

/** Whether there are so many fewer connections than configured that it may matter. */
export function isFarBelow(connections: number, configured: number): boolean {
  return connections < configured * WORTH_A_WARNING;
}

/** Files held open beside connections: the database, logs, those of Node. */
const OWN_FILES = 64;

/**
 * As many connections as leave one file for each, since connections download files and deliver results.
 * `files`: how many the process may have open; null: no limit is known.
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
