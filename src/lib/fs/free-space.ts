import { statfsSync } from 'node:fs';

/** What this user may still write where `directory` is; null where the system does not say. */
export function freeDiskBytes(directory: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return Math.min(bavail * bsize, Number.MAX_SAFE_INTEGER);
  } catch {
    // Not every file system can tell; then the next write will say that there is no room.
    return null;
  }
}
