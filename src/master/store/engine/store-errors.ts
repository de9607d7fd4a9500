import { dirname } from 'node:path';
import { ClusterRunnerError, messageOf } from '../../../protocol/errors.js';
import { appliedMigrations, migrationNames } from './migrations.js';
import { isDamage, isOutage } from './outage.js';
import { type Sqlite, SqliteError } from './sqlite.js';

/** A message for a database that cannot be opened, with what its owner can do; null for any other error. */
export function refusalOf(error: unknown, path: string): ClusterRunnerError | null {
  if (error instanceof SqliteError && error.code.startsWith('SQLITE_BUSY')) {
    return new ClusterRunnerError(
      'CONFLICT',
      `Another master uses ${dirname(path)}; stop it (\`clusterrunner stop\`), or give this one a base_directory of its own.`,
      { cause: error },
    );
  }
  if (isDamage(error)) {
    return damaged(path, error);
  }
  if (error instanceof SqliteError && isOutage(error)) {
    return new ClusterRunnerError(
      'CONFLICT',
      `${path} cannot be read and written (${error.message}); see that this user may write there, and that the disk has room and is not read-only.`,
      { cause: error },
    );
  }
  return null;
}

/** The error for a database whose contents no master can have written. */
export function damaged(path: string, cause: unknown): ClusterRunnerError {
  return new ClusterRunnerError(
    'CONFLICT',
    `${path} is damaged or no database of ClusterRunner (${messageOf(cause)}); stop the master, then put a copy in its place, or move ${path} and ${path}-wal away to start again.`,
    { cause },
  );
}

/**
 * Refuses a database to which migrations were applied that this version does not know.
 * @throws ClusterRunnerError CONFLICT
 */
export function requireKnownMigrations(sqlite: Sqlite, path: string): void {
  const unknown = appliedMigrations(sqlite).filter((name) => !migrationNames.includes(name));
  if (unknown.length > 0) {
    throw new ClusterRunnerError(
      'CONFLICT',
      `${path} was written by a newer version of ClusterRunner (it has ${unknown.join(', ')}); run that version, or give this one a base_directory of its own.`,
    );
  }
}
