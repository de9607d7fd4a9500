import { copyFile, lstat, mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '../../lib/error-code.js';
import { removeTree } from '../../lib/fs/remove-tree.js';
import type { ProgramResult } from '../../process/run-program.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Git } from './git.js';
import type { Credentials } from './git-credentials.js';
import { gitError } from './git-errors.js';
import { lfsProblem } from './lfs.js';
import { isShallow } from './mirror.js';

/** A commit of a mirror, and the remote of its checkouts. */
export interface CloneSource {
  readonly mirror: string;
  readonly commit: string;
  /** The name of its remote. */
  readonly remote: string;
  /** Without credentials; null: it has no remote. */
  readonly url: string | null;
  /** Used to fetch it, and its submodules on the same host. */
  readonly credentials: Credentials | null;
}

/** Clones the mirror into an empty or new folder, and checks the commit out. @throws ClusterRunnerError */
export async function cloneCold(git: Git, source: CloneSource, folder: string): Promise<void> {
  const { commit } = source;
  await makeRepository(git, source, folder);
  const checkedOut = await git(folder, 'checkout', '--quiet', '--force', '--detach', commit, '--');
  if (checkedOut.exitCode !== 0) {
    throw lfsProblem(checkedOut) ?? gitError(`Commit ${commit} could not be checked out`, checkedOut);
  }
}

/**
 * Turns a used folder into a checkout of this commit, with exactly its files, apart from those in submodules. The repository is a
 * new one, without any setting, hook, branch or stash of an earlier build. Resolves with false when that fails.
 * @param index the index of the folder from before anything of the project ran; it is moved
 * @param scratch a path where nothing exists
 */
export async function cloneWarm(
  git: Git,
  source: CloneSource,
  folder: string,
  index: string,
  scratch: string,
): Promise<boolean> {
  const { commit } = source;
  const succeeds = async (...args: string[]) => (await git(folder, ...args)).exitCode === 0;
  try {
    // Git would clean the target of a link.
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
      // Again: git leaves the files of a submodule that was removed.
      (await succeeds('clean', '-ffdxq')) &&
      (await isClean(git, folder))
    );
  } catch (error) {
    if (error instanceof ClusterRunnerError || errorCode(error) !== undefined) {
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
async function makeRepository(git: Git, source: CloneSource, folder: string): Promise<void> {
  const { mirror, remote, url } = source;
  const parent = dirname(folder);
  await mkdir(parent, { recursive: true });
  const args = ['--quiet', '--shared', '--no-checkout', '--template=', '--origin', remote];
  // Without a branch, `git clone` creates a sha1 repository from a sha256 one.
  const cloned =
    isShallow(mirror) || source.commit.length === 64
      ? await borrow(git, source, folder)
      : await git(parent, 'clone', ...args, '--', mirror, folder);
  if (cloned.exitCode !== 0) {
    throw gitError('The workspace of the build could not be made', cloned);
  }
  // Before the checkout: filters such as LFS fetch files from the remote.
  const named =
    url === null
      ? await git(folder, 'remote', 'remove', remote)
      : await git(folder, 'config', `remote.${remote}.url`, url);
  if (named.exitCode !== 0) {
    throw gitError('The workspace of the build could not be set up', named);
  }
}

/**
 * Like `git clone --shared`, but it also works for shallow repositories, and for commits that no branch or tag reaches, with which
 * that does not share objects.
 */
async function borrow(
  git: Git,
  { mirror, commit, remote }: CloneSource,
  folder: string,
): Promise<ProgramResult> {
  const format = commit.length === 64 ? ['--object-format=sha256'] : [];
  const made = await git(dirname(folder), 'init', '--quiet', '--template=', ...format, '--', folder);
  if (made.exitCode !== 0) {
    return made;
  }
  const repository = join(folder, '.git');
  await mkdir(join(repository, 'objects', 'info'), { recursive: true });
  await writeFile(join(repository, 'objects', 'info', 'alternates'), alternateLine(join(mirror, 'objects')));
  if (isShallow(mirror)) {
    await copyFile(join(mirror, 'shallow'), join(repository, 'shallow'));
  }
  const named = await git(folder, 'remote', 'add', '--', remote, mirror);
  const refspecs = [`+refs/heads/*:refs/remotes/${remote}/*`, '+refs/tags/*:refs/tags/*'];
  const fetching = ['fetch', '--quiet', '--update-shallow', '--no-tags', '--no-write-fetch-head'];
  return named.exitCode === 0 ? await git(folder, ...fetching, '--', mirror, ...refspecs) : named;
}

/** A line of `objects/info/alternates`, quoted so that any path fits on one line. */
export function alternateLine(objects: string): string {
  return `"${objects.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"\n`;
}
