import { readdirSync, statSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ClusterRunnerError, messageOf } from '../protocol/errors.js';
import type { BuildId } from '../protocol/ids.js';

/** Where the archive of a subjob is kept. */
export function archivePath(resultsDirectory: string, build: BuildId, subjob: number): string {
  return join(resultsDirectory, String(build), `${subjob}.tar.gz`);
}

/** Of all archives of a build together. Nothing else may run meanwhile, so that a hundred thousand take no second. */
export function archiveBytes(resultsDirectory: string, build: BuildId): number {
  const folder = join(resultsDirectory, String(build));
  return namesIn(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

/** None of a folder that is not there: a build has none before its first result. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return [];
    }
    throw error;
  }
}

/**
 * Moves an archive, whose bytes are on the disk already, to its place so that it is there after a power cut too: the
 * slave deletes its copy when it hears that it was accepted.
 * @throws ClusterRunnerError UNAVAILABLE when the disk does not take it
 */
export async function keepArchive(temporaryPath: string, path: string): Promise<void> {
  try {
    const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rename(temporaryPath, path);
    await sync(dirname(path));
    if (made !== undefined) {
      await sync(dirname(dirname(path)));
    }
  } catch (error) {
    throw new ClusterRunnerError(
      'UNAVAILABLE',
      `The master cannot keep the result on its disk (${messageOf(error)}); mend that, it will be delivered again.`,
      { cause: error },
    );
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
