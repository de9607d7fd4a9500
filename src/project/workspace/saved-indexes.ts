import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { copyIndex } from './copy-index.js';

/** Where the indexes of a workspace's repositories are kept while its build runs. */
export function indexesOf(workspace: string): string {
  return `${workspace}.indexes`;
}

/** In a folder of kept indexes that of the repository at `path`, from the top of the workspace. */
export function indexAt(indexes: string, path: string): string {
  return join(indexes, createHash('sha256').update(path).digest('hex'));
}

/**
 * Notes how the files of a workspace are, for a later build. False when they cannot be had again by that.
 * @param paths of its repositories, from its top, which is ''
 */
export async function recordFiles(workspace: string, paths: readonly string[]): Promise<boolean> {
  const indexes = indexesOf(workspace);
  await mkdir(indexes, { recursive: true, mode: 0o700 });
  for (const path of paths) {
    const index = join(workspace, path, '.git', 'index');
    if (existsSync(index)) {
      await copyIndex(index, indexAt(indexes, path));
    } else if (path === '') {
      return false;
    }
  }
  return true;
}
