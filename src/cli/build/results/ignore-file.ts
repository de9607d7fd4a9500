import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const NAME = '.gitignore';
const TEXT = '# Created by clusterrunner: results are not for commits.\n*\n';

/** Whether this entry of a folder of results is the file that keeps git from seeing them; one that somebody changed is not. */
export function isOwnIgnoreFile(folder: string, name: string): boolean {
  if (name !== NAME) {
    return false;
  }
  const path = join(folder, name);
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true && stats.size === TEXT.length && readFileSync(path, 'utf8') === TEXT;
}

/**
 * Keeps git from seeing the results in `fresh`, which are to replace those at `earlier`. Whoever keeps results in git
 * removes the file: where earlier results are without one, new ones are too.
 */
export function ignoreInGit(fresh: string, earlier: string): void {
  const isUnwanted = existsSync(earlier) && !holdsNothingOr(earlier, NAME);
  if (!isUnwanted) {
    writeFileSync(join(fresh, NAME), TEXT);
  }
}

function holdsNothingOr(folder: string, name: string): boolean {
  const names = readdirSync(folder);
  return names.length === 0 || names.includes(name);
}
