import { readdir, readlink } from 'node:fs/promises';
import { errorCode } from '../../lib/error-code.js';

/**
 * Whether a process of this user has its current directory in `folder`, which must be a real path. `null` where the system
 * does not show it, which is everywhere except on Linux.
 */
export async function isDirectoryInUse(folder: string): Promise<boolean | null> {
  if ((await currentDirectory('self')) === null) {
    return null;
  }
  for (const name of await readdir('/proc')) {
    const directory = /^\d+$/.test(name) ? await currentDirectory(name) : null;
    if (directory === folder || directory?.startsWith(`${folder}/`) === true) {
      return true;
    }
  }
  return false;
}

/** null for a process that is gone or belongs to another user, and where there is no /proc. */
async function currentDirectory(pid: string): Promise<string | null> {
  try {
    return await readlink(`/proc/${pid}/cwd`);
  } catch (error) {
    if (errorCode(error) !== undefined) {
      return null;
    }
    throw error;
  }
}
