import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const NAME = '.gitignore';
const TEXT = '# Created by clusterrunner: results are not for commits.\n*\n';

/** Whether this entry of a folder of results is our unchanged .gitignore. */
export function isOwnIgnoreFile(folder: string, name: string): boolean {
  if (name !== NAME) {
    return false;
  }
  const path = join(folder, name);
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true && stats.size === TEXT.length && readFileSync(path, 'utf8') === TEXT;
}

/**
 * Makes git ignore the results in `fresh`, which are to replace those at `earlier`. Users who keep results in git remove
 * the file: where earlier results have none, new ones have none either.
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
