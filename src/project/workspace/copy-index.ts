import { copyFile, stat, utimes } from 'node:fs/promises';

/**
 * Copies git's index with its modification time, rounded down to a second. A file that was changed in the same second as the
 * index looks unchanged to git, unless its time is equal to or later than that of the index.
 */
export async function copyIndex(from: string, to: string): Promise<void> {
  const seconds = Math.floor((await stat(from)).mtimeMs / 1000);
  await copyFile(from, to);
  await utimes(to, seconds, seconds);
}
