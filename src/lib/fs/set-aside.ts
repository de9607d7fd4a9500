import { randomUUID } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { removeTree, TreeRemains } from './remove-tree.js';

/*
 * Not everything that a build leaves can be removed: files of another user in a folder of his, immutable files, mount
 * points. Such a rest is moved to `<root>/unremovable/`, where it is in nobody's way, and tried again now and then.
 */

const FOLDER = 'unremovable';
/** So many are tried again at once. */
const TRIED_AT_ONCE = 100;

export function unremovableFolder(root: string): string {
  return join(root, FOLDER);
}

/**
 * Removes a tree, and moves aside what stays of it. Nothing is at `path` then.
 * @param root a folder of this process alone, on the file system of `path`
 * @returns null, or a sentence that says what could not be removed and where that is now
 * @throws TreeRemains when it can be neither removed nor moved, as a mount point cannot
 */
export async function clearPlace(root: string, path: string): Promise<string | null> {
  try {
    await removeTree(path);
    return null;
  } catch (error) {
    if (!(error instanceof TreeRemains)) {
      throw error;
    }
    const aside = join(unremovableFolder(root), `${basename(path).slice(0, 50)}.${randomUUID()}`);
    try {
      mkdirSync(unremovableFolder(root), { recursive: true, mode: 0o700 });
      renameSync(path, aside);
    } catch (cause) {
      throw new TreeRemains(`${error.message}; it cannot be moved aside either`, error.code, { cause });
    }
    return `${error.message}; what is left of ${path} is in ${aside}, and is tried again later.`;
  }
}

/** Removes what can be removed by now of what was set aside; of a long list only a part, which `random` chooses. */
export async function retryUnremovable(root: string, random: () => number): Promise<void> {
  const names = namesIn(unremovableFolder(root));
  const first = names.length <= TRIED_AT_ONCE ? 0 : Math.floor(random() * names.length);
  const chosen = [...names.slice(first), ...names.slice(0, first)].slice(0, TRIED_AT_ONCE);
  for (const name of chosen) {
    await removeTree(join(unremovableFolder(root), name)).catch((error: unknown) => {
      // It was said when it was moved here.
      if (!(error instanceof TreeRemains)) {
        throw error;
      }
    });
  }
}

export function countUnremovable(root: string): number {
  return namesIn(unremovableFolder(root)).length;
}

/** Of a folder; a link in its place would lead to files of somebody else. */
function namesIn(folder: string): string[] {
  return lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder) : [];
}
