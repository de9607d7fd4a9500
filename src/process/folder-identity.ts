import { statSync } from 'node:fs';

/** The device and inode of a folder, which tell it from one that replaces it; null when it does not exist. */
export function folderIdentity(path: string): string | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? null : `${stats.dev}:${stats.ino}`;
}
