import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { clearPlace } from './set-aside.js';

const OWN = 0o700;

/**
 * Ensures that `path`, in `root`, is a folder in which this process can write. Builds run as the same user, and may have
 * removed it, changed its permissions, or replaced it by a link or a file.
 * @throws the file system's error when that fails
 */
export async function ensureOwnFolder(root: string, path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory()) {
    if ((stats.mode & OWN) !== OWN) {
      chmodSync(path, OWN);
    }
    return;
  }
  if (stats !== undefined) {
    await clearPlace(root, path);
  }
  mkdirSync(path, { recursive: true, mode: OWN });
}
