import { lstatSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { clearPlace } from '../../lib/fs/set-aside.js';
import { messageOf } from '../../protocol/errors.js';
import { clearLeft } from '../git/mirror.js';
import { trimIdle } from './idle-workspaces.js';

const MIRROR_UNUSED_MS = 30 * 24 * 3600 * 1000;

/**
 * Removes the workspaces that an earlier process left in `root`, what it had begun to fetch, idle workspaces beyond
 * `workspacesKept`, and mirrors that nothing was used of for 30 days. For the start of a slave, before its first build:
 * what is there then is nobody's. Never rejects: `warn` is told what could not be done.
 */
export async function sweepWorkspaces(
  root: string,
  clock: Clock,
  workspacesKept: number,
  warn: (sentence: string) => void,
): Promise<void> {
  const attempt = async (act: () => Promise<string | null | undefined>) => {
    const sentence = await act().catch(messageOf);
    if (typeof sentence === 'string') {
      warn(sentence);
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
      return isUnused ? clearPlace(root, mirror) : clearLeft(mirror).then(() => null);
    });
  }
}

/** None of a link: what that leads to is not ours. */
async function childrenOf(folder: string): Promise<string[]> {
  const isThere = lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  return isThere ? (await readdir(folder)).map((name) => join(folder, name)) : [];
}
