import { unlink } from 'node:fs/promises';
import { ifPresentAsync } from '../error-code.js';

/** Removes a file if it exists, as `rm` with `force`, but in one system call. */
export async function removeFile(path: string): Promise<void> {
  await ifPresentAsync(() => unlink(path));
}
