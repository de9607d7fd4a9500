import { join } from 'node:path';
import { errorCode } from '../lib/error-code.js';
import { readBounded } from '../lib/fs/read/read-bounded.js';
import type { NamedJob } from '../protocol/build/job.js';
import { ClusterRunnerError, reasonWithoutPaths } from '../protocol/errors.js';
import { parseJobs, selectJob } from './parse-jobs.js';

/** The first one that exists is read. */
export const jobFileNames = ['clusterrunner.yaml', 'clusterrunner.yml'] as const;

const MAX_BYTES = 256 * 1024;

/**
 * The job with this name in the project's clusterrunner.yaml; without a name, its only one. `isCheckout`: the folder is a
 * checkout that users do not know, so messages do not name it.
 * @throws ClusterRunnerError JOB_INVALID
 */
export async function readJob(
  projectDirectory: string,
  name: string | null,
  isCheckout = false,
): Promise<NamedJob> {
  for (const fileName of jobFileNames) {
    const file = join(projectDirectory, fileName);
    const shown = isCheckout ? fileName : file;
    const text = await readText(file, shown);
    if (text !== null) {
      return selectJob(parseJobs(text, shown), name, shown);
    }
  }
  throw new ClusterRunnerError(
    'JOB_INVALID',
    isCheckout
      ? `There is no ${jobFileNames.join(' or ')} in the project at that commit; commit one, or name the folder that has it (project_directory).`
      : `There is no ${jobFileNames.join(' or ')} in ${projectDirectory}; write one there, or name the folder that has it (--project-directory).`,
  );
}

/** null when there is no such file. */
async function readText(file: string, shown: string): Promise<string | null> {
  try {
    const read = await readBounded(file, MAX_BYTES);
    if ('bytes' in read) {
      return new TextDecoder('utf-8', { fatal: true }).decode(read.bytes);
    }
    throw new ClusterRunnerError(
      'JOB_INVALID',
      read.refused === 'no file'
        ? `${shown} is not a file.`
        : `${shown} is larger than ${MAX_BYTES / 1024} KiB; move long commands into scripts.`,
    );
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return null;
    }
    if (error instanceof ClusterRunnerError || typeof code !== 'string') {
      throw error;
    }
    const reason =
      code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : reasonWithoutPaths(error);
    throw new ClusterRunnerError('JOB_INVALID', `${shown} cannot be read: ${reason}.`, { cause: error });
  }
}
