import { statfsSync } from 'node:fs';

/** Bytes that this user may still write to the file system of `directory`; null where the system does not tell. */
export function freeDiskBytes(directory: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return Math.min(bavail * bsize, Number.MAX_SAFE_INTEGER);
  } catch {
    // Not every file system can tell; then the next write fails if the disk is full.
    return null;
  }
}
