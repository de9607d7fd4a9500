import { join } from 'node:path';
import { errorCode } from '../../lib/error-code.js';
import { readBounded } from '../../lib/fs/read/read-bounded.js';
import type { ProgramResult } from '../../process/run-program.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Git } from './git.js';
import { gitError } from './git-errors.js';

/** Git itself ignores a larger file. */
const MAX_ATTRIBUTES_BYTES = 100 * 1024 * 1024;

/** The error for a failed checkout if Git LFS was the cause; null otherwise. */
export function lfsProblem(checkedOut: ProgramResult): ClusterRunnerError | null {
  if (/git-lfs: (command )?not found/i.test(checkedOut.stderr)) {
    // Another slave may have it.
    const { message } = gitError(
      'The project has files of Git LFS, and git is set up for them on this slave, but git-lfs is not installed; install it',
      checkedOut,
    );
    return new ClusterRunnerError('UNAVAILABLE', message);
  }
  return /filter ['"]?(git-)?lfs\b/i.test(checkedOut.stderr)
    ? gitError(
        'A file of Git LFS could not be fetched; check that it was pushed and may be read from here',
        checkedOut,
      )
    : null;
}

/** Whether a checkout contains pointers in the place of files of Git LFS, because git is not set up for them here. */
export async function hasPointersOnly(git: Git, folder: string): Promise<boolean> {
  if (!/\bfilter=lfs\b/.test(await attributesOf(folder))) {
    return false;
  }
  const { stdout } = await git(folder, 'config', '--get-regexp', '^filter\\.lfs\\.(process|smudge)$');
  // The last setting of each counts; an empty one counts as none.
  const filters = new Map([...stdout.matchAll(/^(\S+) ?(.*)$/gm)].map(([, key, value]) => [key, value]));
  return [...filters.values()].every((value) => value === '');
}

/** The .gitattributes at the top, where `git lfs track` writes; '' when there is none. */
async function attributesOf(folder: string): Promise<string> {
  try {
    const read = await readBounded(join(folder, '.gitattributes'), MAX_ATTRIBUTES_BYTES);
    return 'bytes' in read ? read.bytes.toString('utf8') : '';
  } catch (error) {
    // It does not exist, or is not a file.
    if (errorCode(error) !== undefined) {
      return '';
    }
    throw error;
  }
}
