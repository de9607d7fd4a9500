import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { ClusterRunnerError, messageOf } from '../protocol/errors.js';
import type { NamedJob } from '../protocol/job.js';
import { parseJobs, selectJob } from './parse-jobs.js';

/** The first that is there is read. */
export const jobFileNames = ['clusterrunner.yaml', 'clusterrunner.yml'] as const;

const MAX_BYTES = 256 * 1024;

/**
 * The job of that name in the project's clusterrunner.yaml; without a name, its only one. `isCheckout`: the folder is a
 * copy that the project's owner has never seen, so errors do not speak of it.
 * @throws ClusterRunnerError JOB_INVALID
 */
export async function readJob(
  projectDirectory: string,
  name: string | null,
  isCheckout = false,
): Promise<NamedJob> {
  for (const fileName of jobFileNames) {
    const file = join(projectDirectory, fileName);
    const text = await readText(file);
    if (text !== null) {
      const shown = isCheckout ? fileName : file;
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
async function readText(file: string): Promise<string | null> {
  try {
    // Not to wait for ever for the other end of a pipe.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) {
        throw new ClusterRunnerError('JOB_INVALID', `${file} is not a file.`);
      }
      if (stat.size > MAX_BYTES) {
        throw new ClusterRunnerError(
          'JOB_INVALID',
          `${file} is larger than ${MAX_BYTES / 1024} KiB; move long commands into scripts.`,
        );
      }
      return new TextDecoder('utf-8', { fatal: true }).decode(await handle.readFile());
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return null;
    }
    if (error instanceof ClusterRunnerError || typeof code !== 'string') {
      throw error;
    }
    const reason = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : messageOf(error);
    throw new ClusterRunnerError('JOB_INVALID', `${file} cannot be read: ${reason}.`, { cause: error });
  }
}
