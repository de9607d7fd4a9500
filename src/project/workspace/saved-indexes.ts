import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { copyIndex } from './copy-index.js';

/** The folder of the saved indexes of a workspace while its build runs. */
export function indexesOf(workspace: string): string {
  return `${workspace}.indexes`;
}

/** In a folder of saved indexes, the one of the repository at `path`, which is relative to the workspace. */
export function indexAt(indexes: string, path: string): string {
  return join(indexes, createHash('sha256').update(path).digest('hex'));
}

/**
 * Saves the indexes of a new workspace, by which a later build finds changed files. Resolves with false when the workspace has
 * no index, so that it cannot be reused.
 * @param paths of its repositories, relative to the workspace; '' is the project's
 */
export async function saveIndexes(workspace: string, paths: readonly string[]): Promise<boolean> {
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
