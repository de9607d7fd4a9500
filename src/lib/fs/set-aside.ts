import { randomUUID } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { removeTree, TreeRemains } from './remove-tree.js';

/*
 * Not everything that a build leaves can be removed: files of another user in a folder of that user, immutable files, mount
 * points. These are moved to `<root>/unremovable/`, and tried again now and then.
 */

const FOLDER = 'unremovable';
/** Entries that are tried again at once. */
const TRIED_AT_ONCE = 100;

export function unremovableFolder(root: string): string {
  return join(root, FOLDER);
}

/**
 * Removes a tree, and moves aside what remains of it, so that nothing is left at `path`.
 * @param root a folder of this process alone, on the file system of `path`
 * @returns null, or a message that says what could not be removed, and where it is now
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

/** Tries again to remove what was set aside; of a long list only a part, chosen by `random`. */
export async function retryUnremovable(root: string, random: () => number): Promise<void> {
  const names = namesIn(unremovableFolder(root));
  const first = names.length <= TRIED_AT_ONCE ? 0 : Math.floor(random() * names.length);
  const chosen = [...names.slice(first), ...names.slice(0, first)].slice(0, TRIED_AT_ONCE);
  for (const name of chosen) {
    await removeTree(join(unremovableFolder(root), name)).catch((error: unknown) => {
      // It was reported when it was moved here.
      if (!(error instanceof TreeRemains)) {
        throw error;
      }
    });
  }
}

export function countUnremovable(root: string): number {
  return namesIn(unremovableFolder(root)).length;
}

/** None unless it is a folder: a link would lead to other files. */
function namesIn(folder: string): string[] {
  return lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder) : [];
}
