import { existsSync } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { removeTree } from '../../lib/fs/remove-tree.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { type CloneSource, cloneCold, cloneWarm } from '../git/clone.js';
import type { Git } from '../git/git.js';
import type { Credentials } from '../git/git-credentials.js';
import { DiskFullError } from '../git/git-errors.js';
import {
  MAX_SUBMODULES,
  type Submodule,
  type Submodules,
  submodulesOf,
  tooManySubmodules,
} from '../git/submodules.js';
import { indexAt } from './saved-indexes.js';

export interface TreeOptions {
  readonly git: Git;
  /** A real path. */
  readonly workspace: string;
  /** Brings the commit of a submodule to a mirror, with the credentials of what it is in, and has `use` work with it; perhaps twice, if a mirror is damaged. */
  readonly withSubmodule: (
    submodule: Submodule,
    above: Credentials | null,
    use: (source: CloneSource) => Promise<void>,
  ) => Promise<CloneSource>;
}

/** A repository in a workspace. */
export interface Placed {
  /** From the top of the workspace, which is ''. */
  readonly path: string;
  readonly source: CloneSource;
}

/**
 * Checks a commit out into the workspace, and its submodules, and theirs. What was checked out there for an earlier
 * build is used as far as it goes. Resolves with all repositories, or null when that could not be made clean.
 * @param indexes those of the files that are there; null: the workspace is not there yet
 * @throws ClusterRunnerError PREPARATION_FAILED; DamagedMirrorError, of the mirror of `source` only
 */
export async function checkOutTree(
  options: TreeOptions,
  source: CloneSource,
  indexes: string | null,
): Promise<Placed[] | null> {
  const { git, workspace } = options;
  if (indexes === null) {
    await cloneCold(git, source, workspace);
  } else if (!(await cloneWarm(git, source, workspace, indexAt(indexes, ''), scratchOf(workspace)))) {
    return null;
  }
  const placed: Placed[] = [{ path: '', source }];
  // Grows while it is gone through.
  for (const { path: above, source: from } of placed) {
    const submodules = await submodulesIn(git, join(workspace, above), from.url, indexes !== null);
    if (submodules === null) {
      return null;
    }
    for (const path of indexes === null ? [] : submodules.skipped) {
      // What an earlier commit had there is no change to git.
      await emptyFolder(join(workspace, above, path));
    }
    for (const submodule of submodules.found) {
      const below = { ...submodule, path: posix.join(above, submodule.path) };
      placed.push({
        path: below.path,
        source: await checkOutSubmodule(options, below, from.credentials, indexes),
      });
      if (placed.length > MAX_SUBMODULES) {
        throw tooManySubmodules();
      }
    }
  }
  return placed;
}

/** null: a workspace that is used again has some that nothing names, and nothing says what is in those. */
async function submodulesIn(
  git: Git,
  folder: string,
  url: string | null,
  isUsed: boolean,
): Promise<Submodules | null> {
  const hasNames = existsSync(join(folder, '.gitmodules'));
  if (!hasNames && !isUsed) {
    return { found: [], skipped: [] };
  }
  try {
    return await submodulesOf(git, folder, url);
  } catch (error) {
    if (error instanceof ClusterRunnerError && !hasNames) {
      return null;
    }
    throw error;
  }
}

async function emptyFolder(folder: string): Promise<void> {
  if ((await realpath(dirname(folder))) === dirname(folder)) {
    await removeTree(folder);
    await mkdir(folder);
  }
}

async function checkOutSubmodule(
  { git, workspace, withSubmodule }: TreeOptions,
  submodule: Submodule,
  above: Credentials | null,
  indexes: string | null,
): Promise<CloneSource> {
  const folder = join(workspace, submodule.path);
  try {
    if ((await realpath(dirname(folder))) !== dirname(folder)) {
      throw new ClusterRunnerError('PREPARATION_FAILED', 'a link leads to it.');
    }
    return await withSubmodule(submodule, above, async (source) => {
      const index = indexes === null ? null : indexAt(indexes, submodule.path);
      const isUsed = index !== null && existsSync(index);
      if (!isUsed || !(await cloneWarm(git, source, folder, index, scratchOf(workspace)))) {
        await removeTree(folder);
        await cloneCold(git, source, folder);
      }
    });
  } catch (error) {
    if (error instanceof ClusterRunnerError && !(error instanceof DiskFullError)) {
      // No DamagedMirrorError: the mirror of the project is another.
      throw new ClusterRunnerError(error.code, `The submodule ${submodule.path}: ${error.message}`, {
        cause: error,
      });
    }
    throw error;
  }
}

/** Beside a workspace: for what is looked at and thrown away. */
export function scratchOf(workspace: string): string {
  return `${workspace}.scratch`;
}
