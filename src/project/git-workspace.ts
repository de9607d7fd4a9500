import { existsSync } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { QueueByKey } from '../lib/queue-by-key.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import type { GitProject } from '../protocol/project.js';
import type { Git } from './git.js';
import { DamagedMirror, failed, fetchFailed } from './git-errors.js';
import { insideFolder } from './git-names.js';
import { isFolder, isReallyInside } from './inside-workspace.js';
import { findCommit, mirrorPath, updateMirror } from './mirror.js';
import { removeTree } from './remove-tree.js';

/** A root belongs to one process, so a queue in memory is lock enough for its mirrors. */
const mirrors = new QueueByKey();

/**
 * Checks the project out into `workspace`: a clone of its own that borrows the objects of the mirror. A worktree
 * of the mirror costs the same but shares refs and configuration, so that one build's `git tag` or `git config`
 * would be seen by the next.
 * @throws ClusterRunnerError PREPARATION_FAILED
 */
export async function checkOut(
  git: Git,
  root: string,
  workspace: string,
  project: GitProject,
): Promise<{ commit: string; projectDirectory: string }> {
  const mirror = mirrorPath(root, project.url);
  const once = async () => {
    await removeTree(workspace);
    const known = project.hash === null ? null : await findCommit(git, mirror, project.hash);
    const commit = known ?? (await mirrors.run(mirror, () => updateMirror(git, mirror, project)));
    await clone(git, mirror, workspace, project, commit);
    return commit;
  };
  let commit: string;
  try {
    commit = await once();
  } catch (error) {
    if (!(error instanceof DamagedMirror)) {
      throw error;
    }
    await mirrors.run(mirror, () => removeTree(mirror));
    commit = await once();
  }
  await updateSubmodules(git, workspace, project);
  return { commit, projectDirectory: await folderOf(workspace, project, commit) };
}

async function clone(git: Git, mirror: string, workspace: string, project: GitProject, commit: string) {
  const { remote } = project;
  const parent = join(workspace, '..');
  const cloned = await git(
    parent,
    'clone',
    '--quiet',
    '--shared',
    '--no-checkout',
    '--template=',
    '--origin',
    remote,
    '--',
    mirror,
    workspace,
  );
  if (cloned.exitCode !== 0) {
    throw failed('The workspace of the build could not be made', cloned);
  }
  // Before the checkout: filters such as LFS ask the remote for files.
  const named = await git(workspace, 'config', `remote.${remote}.url`, project.url);
  if (named.exitCode !== 0) {
    throw failed('The workspace of the build could not be set up', named);
  }
  const checkedOut = await git(workspace, 'checkout', '--quiet', '--force', '--detach', commit, '--');
  if (checkedOut.exitCode !== 0) {
    throw failed(`Commit ${commit} could not be checked out`, checkedOut);
  }
}

async function updateSubmodules(git: Git, workspace: string, project: GitProject): Promise<void> {
  if (!existsSync(join(workspace, '.gitmodules'))) {
    return;
  }
  const updated = await git(workspace, 'submodule', '--quiet', 'update', '--init', '--recursive', '--force');
  if (updated.exitCode !== 0) {
    const { message } = fetchFailed(project.url, updated);
    throw new ClusterRunnerError('PREPARATION_FAILED', `A submodule could not be fetched: ${message}`);
  }
}

async function folderOf(workspace: string, project: GitProject, commit: string): Promise<string> {
  const name = project.project_directory ?? '.';
  const folder = join(workspace, insideFolder(name) ?? '.');
  if (!(await isFolder(folder))) {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The repository has no folder "${name}" at commit ${commit}; check the project directory.`,
    );
  }
  if (!(await isReallyInside(workspace, folder))) {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The project directory "${name}" is a link that leads out of the repository; give a folder in it.`,
    );
  }
  return realpath(folder);
}

export async function makeRoot(root: string): Promise<string> {
  await mkdir(join(root, 'mirrors'), { recursive: true, mode: 0o700 });
  await mkdir(join(root, 'builds'), { recursive: true, mode: 0o700 });
  // Git compares real paths when it decides where to stop looking for a repository.
  return realpath(root);
}
