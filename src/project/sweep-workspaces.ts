import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { removeTree } from '../lib/remove-tree.js';
import { trimIdle } from './idle-workspaces.js';
import { clearLeft } from './mirror.js';

const MIRROR_UNUSED_MS = 30 * 24 * 3600 * 1000;

/**
 * Removes the workspaces that an earlier process left in `root`, what it had begun to fetch, idle workspaces beyond
 * `workspacesKept`, and mirrors that nothing was used of for 30 days. For the start of a slave, before its first build: what is there then is nobody's.
 */
export async function sweepWorkspaces(root: string, clock: Clock, workspacesKept: number): Promise<void> {
  for (const workspace of await childrenOf(join(root, 'builds'))) {
    await removeTree(workspace);
  }
  await trimIdle(root, { count: workspacesKept, clock });
  for (const mirror of await childrenOf(join(root, 'mirrors'))) {
    if (clock.now() - (await stat(mirror)).mtimeMs > MIRROR_UNUSED_MS) {
      await removeTree(mirror);
    } else {
      await clearLeft(mirror);
    }
  }
}

async function childrenOf(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).map((name) => join(folder, name));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return [];
    }
    throw error;
  }
}
