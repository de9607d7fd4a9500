import { unlink } from 'node:fs/promises';
import { ifPresentAsync } from '../error-code.js';

/** Removes a file if it is there. What `rm` with `force` does, in one call to the system. */
export async function removeFile(path: string): Promise<void> {
  await ifPresentAsync(() => unlink(path));
}
