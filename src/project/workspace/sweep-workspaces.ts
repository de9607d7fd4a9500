import { lstatSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { clearPlace } from '../../lib/fs/set-aside.js';
import { messageOf } from '../../protocol/errors.js';
import { clearLeftovers } from '../git/mirror.js';
import { trimIdle } from './idle-workspaces.js';

const MIRROR_UNUSED_MS = 30 * 24 * 3600 * 1000;

/**
 * Removes what an earlier process has left in `root`: workspaces, unfinished fetches, idle workspaces beyond `workspacesKept`, and
 * mirrors that were not used for 30 days. To be called at the start of a slave, before its first build. Never rejects:
 * problems are passed to `warn`.
 */
export async function sweepWorkspaces(
  root: string,
  clock: Clock,
  workspacesKept: number,
  warn: (message: string) => void,
): Promise<void> {
  const attempt = async (act: () => Promise<string | null | undefined>) => {
    const message = await act().catch(messageOf);
    if (typeof message === 'string') {
      warn(message);
    }
  };
  for (const workspace of await childrenOf(join(root, 'builds'))) {
    await attempt(() => clearPlace(root, workspace));
  }
  await attempt(async () => {
    await trimIdle(root, { count: workspacesKept, clock }, warn);
    return null;
  });
  for (const mirror of await childrenOf(join(root, 'mirrors'))) {
    await attempt(async () => {
      const isUnused = clock.now() - (await stat(mirror)).mtimeMs > MIRROR_UNUSED_MS;
      return isUnused ? clearPlace(root, mirror) : clearLeftovers(mirror).then(() => null);
    });
  }
}

/** A link in the place of the folder counts as empty. */
async function childrenOf(folder: string): Promise<string[]> {
  const isThere = lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  return isThere ? (await readdir(folder)).map((name) => join(folder, name)) : [];
}
