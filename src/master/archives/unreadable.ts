import { ClusterRunnerError, reasonWithoutPaths } from '../../protocol/errors.js';
import { subjobOfArchive } from './archive-files.js';

/**
 * The error to throw when a kept archive cannot be read: RESULT_UNREADABLE when it is damaged, missing, or not what its
 * slave reported. A system error, such as too many open files, is returned as it is.
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
