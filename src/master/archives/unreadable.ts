import { ClusterRunnerError, reasonWithoutPaths } from '../../protocol/errors.js';
import { subjobOfArchive } from './archive-files.js';

/**
 * What to throw of a failure at reading an archive that is kept: whoever reads is told of one that is damaged, gone, or
 * not what its slave said; a fault of the system, such as too many open files, stays what it is.
 */
export function unreadable(archive: string, error: unknown): unknown {
  if (isOfSystem(error)) {
    return error;
  }
  return new ClusterRunnerError(
    'RESULT_UNREADABLE',
    `The results of subjob ${subjobOfArchive(archive)} cannot be read: their archive is damaged, gone, or not what its slave said (${reasonWithoutPaths(error)}); run the build again.`,
    { cause: error },
  );
}

function isOfSystem(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && 'code' in error && error.code !== 'ENOENT';
}
