import { constants, statSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { hasCode, ifPresentAsync } from '../../../lib/error-code.js';
import { ClusterRunnerError, messageOf } from '../../../protocol/errors.js';

/** Endings of the files of a SQLite database: the database, its log, and the journal of a rollback. */
const PARTS = ['', '-wal', '-journal'];
/** A master that is about to stop may still write. */
const ATTEMPTS = 3;

/**
 * Changes with each write to the files of a database; null where there is no database. No file is opened, so neither a lock
 * nor an index of the log is left beside it.
 */
export function databaseStamp(path: string): string | null {
  const stats = PARTS.map((part) => statSync(path + part, { bigint: true, throwIfNoEntry: false }));
  return stats[0] === undefined
    ? null
    : stats.map((one) => (one === undefined ? '-' : `${one.ino} ${one.size} ${one.mtimeNs}`)).join(', ');
}

/**
 * Copies a database that no process has open, with the log that a killed process has left, into `folder`. On file systems
 * that can share blocks, it takes no space.
 * @returns the path of the copy, and the stamp of the database at that moment
 * @throws ClusterRunnerError NOT_FOUND when there is none; CONFLICT while it is written, and when it cannot be copied
 */
export async function copyDatabase(path: string, folder: string): Promise<{ path: string; stamp: string }> {
  const copy = join(folder, basename(path));
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const before = databaseStamp(path);
    if (before === null) {
      throw new ClusterRunnerError('NOT_FOUND', `There is no ${path}: no master has used that folder.`);
    }
    await copyParts(path, copy, folder);
    if (databaseStamp(path) === before) {
      return { path: copy, stamp: before };
    }
  }
  throw new ClusterRunnerError(
    'CONFLICT',
    `${path} is being written, so a master uses it; look at its builds there, or wait for its end.`,
  );
}

async function copyParts(path: string, copy: string, folder: string): Promise<void> {
  try {
    for (const part of PARTS) {
      const file = path + part;
      await ifPresentAsync(() => copyFile(file, copy + part, constants.COPYFILE_FICLONE));
    }
  } catch (error) {
    const advice = hasCode(error, 'ENOSPC', 'EDQUOT')
      ? `make room in ${folder} for a copy of it`
      : 'see that this user may read it';
    throw new ClusterRunnerError('CONFLICT', `${path} cannot be read (${messageOf(error)}); ${advice}.`, {
      cause: error,
    });
  }
}
