import { lstat, mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { removeTree } from '../lib/remove-tree.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import type { Git } from './git.js';
import { failed } from './git-errors.js';
import { lfsProblem } from './lfs.js';

/** A commit that a mirror has, and how a checkout of it calls where it comes from. */
export interface Source {
  readonly mirror: string;
  readonly commit: string;
  /** The name of its remote. */
  readonly remote: string;
  /** null: it has no remote. */
  readonly url: string | null;
}

/** Clones the mirror into a folder that is empty or not there yet, and checks the commit out. @throws ClusterRunnerError */
export async function cloneCold(git: Git, source: Source, folder: string): Promise<void> {
  const { commit } = source;
  await makeRepository(git, source, folder);
  const checkedOut = await git(folder, 'checkout', '--quiet', '--force', '--detach', commit, '--');
  if (checkedOut.exitCode !== 0) {
    throw lfsProblem(checkedOut) ?? failed(`Commit ${commit} could not be checked out`, checkedOut);
  }
}

/**
 * Makes a used folder that of this commit: its files and nothing else, but for what is in submodules. Its repository is
 * a new one, so that no setting, hook, branch or stash of an earlier build is in it. False when that could not be had.
 * @param index that git wrote when it filled the folder, before anything of the project ran; it is moved
 * @param scratch a path where nothing is
 */
export async function cloneWarm(
  git: Git,
  source: Source,
  folder: string,
  index: string,
  scratch: string,
): Promise<boolean> {
  const { commit } = source;
  const succeeds = async (...args: string[]) => (await git(folder, ...args)).exitCode === 0;
  try {
    // Through a link, another folder would be cleaned.
    if (!(await lstat(folder)).isDirectory()) {
      return false;
    }
    await removeTree(join(folder, '.git'));
    await makeRepository(git, source, scratch);
    await rename(join(scratch, '.git'), join(folder, '.git'));
    await rename(index, join(folder, '.git', 'index'));
    return (
      (await succeeds('clean', '-ffdxq')) &&
      (await succeeds('update-ref', '--no-deref', 'HEAD', commit)) &&
      (await succeeds('reset', '--quiet', '--hard', commit)) &&
      // Again: of a submodule that is no more, git leaves the files.
      (await succeeds('clean', '-ffdxq')) &&
      (await isClean(git, folder))
    );
  } catch (error) {
    if (error instanceof ClusterRunnerError || (error instanceof Error && 'code' in error)) {
      return false;
    }
    throw error;
  } finally {
    await removeTree(scratch);
  }
}

async function isClean(git: Git, folder: string): Promise<boolean> {
  const { exitCode, stdout } = await git(
    folder,
    'status',
    '--porcelain',
    '--ignored',
    '--untracked-files=all',
    '--ignore-submodules=all',
  );
  return exitCode === 0 && stdout === '';
}

/** A repository that borrows the objects of the mirror, without an index or files. */
async function makeRepository(git: Git, { mirror, remote, url }: Source, folder: string): Promise<void> {
  const parent = dirname(folder);
  await mkdir(parent, { recursive: true });
  const args = ['--quiet', '--shared', '--no-checkout', '--template=', '--origin', remote];
  const cloned = await git(parent, 'clone', ...args, '--', mirror, folder);
  if (cloned.exitCode !== 0) {
    throw failed('The workspace of the build could not be made', cloned);
  }
  // Before the checkout: filters such as LFS ask the remote for files.
  const named =
    url === null
      ? await git(folder, 'remote', 'remove', remote)
      : await git(folder, 'config', `remote.${remote}.url`, url);
  if (named.exitCode !== 0) {
    throw failed('The workspace of the build could not be set up', named);
  }
}
