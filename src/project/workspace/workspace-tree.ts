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
  /**
   * Brings the commit of a submodule to a mirror, with the credentials of the repository above it, and calls `use` with it; twice
   * if the mirror turns out to be damaged.
   */
  readonly withSubmodule: (
    submodule: Submodule,
    above: Credentials | null,
    use: (source: CloneSource) => Promise<void>,
  ) => Promise<CloneSource>;
}

/** A repository in a workspace. */
export interface Placed {
  /** Relative to the workspace; '' for the project's own. */
  readonly path: string;
  readonly source: CloneSource;
}

/**
 * Checks a commit out into the workspace, with its submodules recursively. Reuses the files of an earlier build there. Resolves
 * with all repositories, or null when the files of the earlier build could not be made clean.
 * @param indexes the saved indexes of the existing files; null: the workspace does not exist yet
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
  // Grows during the iteration.
  for (const { path: above, source: from } of placed) {
    const submodules = await submodulesIn(git, join(workspace, above), from.url, indexes !== null);
    if (submodules === null) {
      return null;
    }
    for (const path of indexes === null ? [] : submodules.skipped) {
      // Git does not see files that an earlier commit had there.
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

/** null: a reused workspace has submodules that .gitmodules does not name, so their content is unknown. */
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
      // Not a DamagedMirrorError, which would be taken for damage of the project's mirror.
      throw new ClusterRunnerError(error.code, `The submodule ${submodule.path}: ${error.message}`, {
        cause: error,
      });
    }
    throw error;
  }
}

/** A path beside a workspace for temporary files. */
export function scratchOf(workspace: string): string {
  return `${workspace}.scratch`;
}
