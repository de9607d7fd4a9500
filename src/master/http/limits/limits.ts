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
