import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { clearPlace } from './set-aside.js';

const OWN = 0o700;

/**
 * Makes sure that there is a folder at `path`, in `root`, in which this process can write: builds run as the same user,
 * and may have removed it, taken its permissions, or put a link or a file in its place.
 * @throws the file system's error when that cannot be had
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
