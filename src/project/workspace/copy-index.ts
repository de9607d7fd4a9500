import { copyFile, stat, utimes } from 'node:fs/promises';

/**
 * Copies git's index with its time, to the second before: a file that was changed in the second in which the index was
 * written looks like before to git, unless its time is not before that of the index.
 */
export async function copyIndex(from: string, to: string): Promise<void> {
  const seconds = Math.floor((await stat(from)).mtimeMs / 1000);
  await copyFile(from, to);
  await utimes(to, seconds, seconds);
}
