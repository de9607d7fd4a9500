import { join } from 'node:path';
import { errorCode } from '../../lib/error-code.js';
import { readBounded } from '../../lib/fs/read-bounded.js';
import type { ProgramResult } from '../../process/run-program.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Git } from './git.js';
import { failed } from './git-errors.js';

/** Of a larger file git itself takes nothing. */
const MAX_ATTRIBUTES_BYTES = 100 * 1024 * 1024;

/** Of a checkout that failed: what it was if it was about files of Git LFS; null otherwise. */
export function lfsProblem(checkedOut: ProgramResult): ClusterRunnerError | null {
  if (/git-lfs: (command )?not found/i.test(checkedOut.stderr)) {
    // Another slave may have it.
    const { message } = failed(
      'The project has files of Git LFS, and git is set up for them on this slave, but git-lfs is not installed; install it',
      checkedOut,
    );
    return new ClusterRunnerError('UNAVAILABLE', message);
  }
  return /filter ['"]?(git-)?lfs\b/i.test(checkedOut.stderr)
    ? failed(
        'A file of Git LFS could not be had; check that it was pushed and may be read from here',
        checkedOut,
      )
    : null;
}

/** Whether a checkout has pointers where files of Git LFS should be, because git is not set up for them here. */
export async function hasPointersOnly(git: Git, folder: string): Promise<boolean> {
  if (!/\bfilter=lfs\b/.test(await attributesOf(folder))) {
    return false;
  }
  const { stdout } = await git(folder, 'config', '--get-regexp', '^filter\\.lfs\\.(process|smudge)$');
  // Of each the last counts; one without a value is none.
  const filters = new Map([...stdout.matchAll(/^(\S+) ?(.*)$/gm)].map(([, key, value]) => [key, value]));
  return [...filters.values()].every((value) => value === '');
}

/** Those at the top, where `git lfs track` puts them; '' when there are none. */
async function attributesOf(folder: string): Promise<string> {
  try {
    const read = await readBounded(join(folder, '.gitattributes'), MAX_ATTRIBUTES_BYTES);
    return 'bytes' in read ? read.bytes.toString('utf8') : '';
  } catch (error) {
    // None, or something else of that name.
    if (errorCode(error) !== undefined) {
      return '';
    }
    throw error;
  }
}
