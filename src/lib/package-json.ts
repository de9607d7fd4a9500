import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A folder or file of the installed package, by its path in it. */
export function inPackage(path: string): string {
  return join(dirname(findPackageJSON(import.meta.url)), path);
}

/** The nearest package.json at or above the module with this URL, in compiled and packed layouts. */
export function findPackageJSON(moduleUrl: string): string {
  for (let dir = dirname(fileURLToPath(moduleUrl)); ; dir = dirname(dir)) {
    const file = join(dir, 'package.json');
    if (existsSync(file)) {
      return file;
    }
    if (dir === dirname(dir)) {
      throw new Error(`No package.json above ${moduleUrl}; install ClusterRunner again.`);
    }
  }
}
