import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { hasCode } from '../../lib/error-code.js';

/** Whether the real place of `path`, which exists, is in `folder` or is `folder`: no link leads out of it. */
export async function isReallyInside(folder: string, path: string): Promise<boolean> {
  const way = relative(await realpath(folder), await realpath(path));
  return way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}

/** False also when nothing is there. */
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

/** The deepest part of `folder`/`way` that exists; `way` has no `..`. */
export async function deepestExisting(folder: string, way: string): Promise<string> {
  let deepest = folder;
  for (const part of way.split('/')) {
    const next = join(deepest, part);
    if (!(await isFolder(next))) {
      return deepest;
    }
    deepest = next;
  }
  return deepest;
}
