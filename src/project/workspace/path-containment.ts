import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { hasCode } from '../../lib/error-code.js';

/** Whether the real path of `path`, which must exist, is `folder` or in it: no link leads out. */
export async function isReallyInside(folder: string, path: string): Promise<boolean> {
  const inside = relative(await realpath(folder), await realpath(path));
  return inside !== '..' && !inside.startsWith('../') && !isAbsolute(inside);
}

/** False also when nothing exists there. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) {
      return false;
    }
    throw error;
  }
}

/** The deepest existing folder on the way to `folder`/`path`; `path` must not contain `..`. */
export async function deepestExisting(folder: string, path: string): Promise<string> {
  let deepest = folder;
  for (const part of path.split('/')) {
    const next = join(deepest, part);
    if (!(await isFolder(next))) {
      return deepest;
    }
    deepest = next;
  }
  return deepest;
}
