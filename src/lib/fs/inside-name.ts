import { posix } from 'node:path';

/**
 * A relative path in its shortest form (`./a//b` is `a/b`); null when it does not name a file within the folder: an
 * absolute path, one with `..`, the folder itself, or an invalid one.
 */
export function insideName(name: string): string | null {
  if (name.includes('\0') || name.endsWith('/') || posix.isAbsolute(name)) {
    return null;
  }
  const shortest = posix.normalize(name);
  return shortest === '.' || name === '' || name.split('/').includes('..') ? null : shortest;
}
