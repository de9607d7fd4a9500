import { existsSync } from 'node:fs';
import { lstat, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../lib/remove-tree.js';
import { isInUse } from '../process/processes-in.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import type { GitProject, SnapshotProject } from '../protocol/project.js';
import { copyIndex } from './copy-index.js';
import { freshModesIn, hasFreshModes } from './fresh-modes.js';
import type { Git } from './git.js';
import { failed } from './git-errors.js';
import { indexOf } from './idle-workspaces.js';

export interface Clone {
  readonly git: Git;
  readonly mirror: string;
  readonly workspace: string;
  readonly project: GitProject | SnapshotProject;
  readonly commit: string;
}

/** Clones the mirror into the workspace, which is not there yet, and checks the commit out. @throws ClusterRunnerError */
export async function cloneCold(clone: Clone): Promise<void> {
  const { git, workspace, commit } = clone;
  await makeRepository(clone, workspace);
  const checkedOut = await git(workspace, 'checkout', '--quiet', '--force', '--detach', commit, '--');
  if (checkedOut.exitCode !== 0) {
    throw failed(`Commit ${commit} could not be checked out`, checkedOut);
  }
}

/**
 * Makes an idle workspace that of this build: the files of the commit and nothing else. Its repository is a new one, so
 * that no setting, hook, branch or stash of an earlier build is in it. False when that could not be had, and nothing of
 * it is left then.
 */
export async function cloneWarm(clone: Clone, idle: string): Promise<boolean> {
  const { git, workspace, commit } = clone;
  const tree = join(idle, 'tree');
  const fresh = `${workspace}.fresh`;
  try {
    // Through a link, another folder would be cleaned.
    if (!(await lstat(tree)).isDirectory() || (await isInUse(tree)) !== false) {
      return false;
    }
    await removeTree(join(tree, '.git'));
    await makeRepository(clone, fresh);
    await rename(join(fresh, '.git'), join(tree, '.git'));
    await rename(join(idle, 'index'), join(tree, '.git', 'index'));
    await rename(tree, workspace);
    const succeeds = async (...args: string[]) => (await git(workspace, ...args)).exitCode === 0;
    // Cleaned before the new index is there: it may have a submodule where there is something to be removed now.
    return (
      (await succeeds('clean', '-ffdxq')) &&
      !(await hasSubmodules(git, workspace)) &&
      (await succeeds('update-ref', '--no-deref', 'HEAD', commit)) &&
      (await succeeds('reset', '--quiet', '--hard', commit)) &&
      (await isClean(git, workspace)) &&
      (await hasFreshModes(workspace, await freshModesIn(fresh)))
    );
  } catch (error) {
    if (error instanceof ClusterRunnerError || (error instanceof Error && 'code' in error)) {
      return false;
    }
    throw error;
  } finally {
    await removeTree(fresh);
    await removeTree(idle);
  }
}

/** Notes how the files are, for a later build; false when they cannot be had again by that. */
export async function noteFiles(workspace: string): Promise<boolean> {
  const index = join(workspace, '.git', 'index');
  if (existsSync(join(workspace, '.gitmodules')) || !existsSync(index)) {
    return false;
  }
  await copyIndex(index, indexOf(workspace));
  return true;
}

/** What is in a submodule no index of ours knows; there may be one without a `.gitmodules`. */
async function hasSubmodules(git: Git, workspace: string): Promise<boolean> {
  const { exitCode, stdout } = await git(workspace, 'submodule', 'status');
  return exitCode !== 0 || stdout !== '';
}

async function isClean(git: Git, workspace: string): Promise<boolean> {
  const { exitCode, stdout } = await git(
    workspace,
    'status',
    '--porcelain',
    '--ignored',
    '--untracked-files=all',
  );
  return exitCode === 0 && stdout === '';
}

/** A repository that borrows the objects of the mirror, without an index or files. */
async function makeRepository({ git, mirror, project }: Clone, folder: string): Promise<void> {
  const remote = project.type === 'git' ? project.remote : 'origin';
  const parent = join(folder, '..');
  await mkdir(parent, { recursive: true });
  const args = ['--quiet', '--shared', '--no-checkout', '--template=', '--origin', remote];
  const cloned = await git(parent, 'clone', ...args, '--', mirror, folder);
  if (cloned.exitCode !== 0) {
    throw failed('The workspace of the build could not be made', cloned);
  }
  // Before the checkout: filters such as LFS ask the remote for files.
  const named =
    project.url === null
      ? await git(folder, 'remote', 'remove', remote)
      : await git(folder, 'config', `remote.${remote}.url`, project.url);
  if (named.exitCode !== 0) {
    throw failed('The workspace of the build could not be set up', named);
  }
}
