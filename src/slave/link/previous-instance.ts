import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../../lib/error-code.js';
import { replaceFile } from '../../lib/fs/atomic-file.js';
import { readRegularFile } from '../../lib/fs/read/read-regular-file.js';
import { clearPlace } from '../../lib/fs/set-aside.js';

const FILE = 'instance';
/** A UUID; a file with anything else is not ours. */
const INSTANCE = /^[0-9a-f-]{36}$/;

/**
 * The instance of the last process that used `root`; null when it is not known. A directory belongs to one process at a
 * time, so that process is dead.
 */
export function readPreviousInstance(root: string): string | null {
  try {
    const text = readRegularFile(join(root, FILE)).trim();
    return INSTANCE.test(text) ? text : null;
  } catch (error) {
    if (errorCode(error) !== undefined) {
      // Builds run as the same user, and may have replaced the file with anything.
      return null;
    }
    throw error;
  }
}

/** To be called once the master knows this instance. @throws Error of the file system */
export async function saveInstance(root: string, instance: string): Promise<void> {
  const file = join(root, FILE);
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile() === false) {
    await clearPlace(root, file);
  }
  replaceFile(file, `${instance}\n`);
}

/** To be called once the master knows that this instance has left. @throws Error of the file system */
export async function forgetInstance(root: string): Promise<void> {
  await clearPlace(root, join(root, FILE));
}
