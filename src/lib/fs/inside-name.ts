import { posix } from 'node:path';

/**
 * The name of a file as seen from a folder in its shortest form (`./a//b` is `a/b`), or null when it does not
 * name a file in that folder: an absolute path, one with `..`, the folder itself, or one that no file can have.
 */
export function insideName(name: string): string | null {
  if (name.includes('\0') || name.endsWith('/') || posix.isAbsolute(name)) {
    return null;
  }
  const shortest = posix.normalize(name);
  return shortest === '.' || name === '' || name.split('/').includes('..') ? null : shortest;
}
