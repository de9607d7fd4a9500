import { unlink } from 'node:fs/promises';

/** Removes a file if it is there. What `rm` with `force` does, in one call to the system. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
      throw error;
    }
  }
}
