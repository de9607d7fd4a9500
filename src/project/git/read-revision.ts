import type { GitProject } from '../../protocol/build/project.js';
import { type Revision, revisionText } from '../../protocol/build/revision.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Git } from './git.js';

/** Which branch a commit of a mirror is known by: the one that was asked for, or the only one that is at the commit. */
export async function revisionOfCommit(
  git: Git,
  mirror: string,
  commit: string,
  project: GitProject,
): Promise<Revision> {
  return {
    commit,
    branch: revisionText(
      project.branch ?? (project.hash === null ? await onlyBranchAt(git, mirror, commit) : ''),
    ),
    subject: await subjectOf(git, mirror, commit),
    has_changes: false,
  };
}

/**
 * The state of the checkout that `folder` is in. null when it is in none, git is not installed, or nothing is committed.
 * @param git with GIT_OPTIONAL_LOCKS=0, so that it does not write the index
 */
export async function revisionOfFolder(git: Git, folder: string): Promise<Revision | null> {
  try {
    const head = await headOf(git, folder);
    if (head === null) {
      return null;
    }
    const status = await git(folder, 'status', '--porcelain', '--untracked-files=normal');
    return { ...head, has_changes: status.exitCode === 0 ? status.stdout !== '' : null };
  } catch (error) {
    // It is only shown, so a program that cannot be started is no reason to fail.
    if (error instanceof ClusterRunnerError) {
      return null;
    }
    throw error;
  }
}

/** What is checked out in the checkout that `folder` is in; null when nothing is committed, or there is no checkout. */
export async function headOf(git: Git, folder: string): Promise<Omit<Revision, 'has_changes'> | null> {
  const shown = await git(folder, ...SHOW, '--format=%H %s', 'HEAD', '--');
  const [, commit, subject] = /^([0-9a-f]{40,64}) (.*)/s.exec(shown.stdout) ?? [];
  if (shown.exitCode !== 0 || commit === undefined || subject === undefined) {
    return null;
  }
  const branch = await git(folder, 'symbolic-ref', '--quiet', '--short', 'HEAD');
  return {
    commit,
    branch: branch.exitCode === 0 ? revisionText(branch.stdout) : null,
    subject: revisionText(subject),
  };
}

const SHOW = ['show', '--no-show-signature', '--no-patch', '--encoding=UTF-8'];

async function subjectOf(git: Git, folder: string, commit: string): Promise<string | null> {
  const { exitCode, stdout } = await git(folder, ...SHOW, '--format=%s', commit, '--');
  return exitCode === 0 ? revisionText(stdout) : null;
}

async function onlyBranchAt(git: Git, mirror: string, commit: string): Promise<string> {
  const args = ['--count=2', '--format=%(refname:lstrip=2)', `--points-at=${commit}`, 'refs/heads/'];
  const { exitCode, stdout } = await git(mirror, 'for-each-ref', ...args);
  const [branch = '', ...more] = stdout.split('\n').filter((line) => line !== '');
  return exitCode === 0 && more.length === 0 ? branch : '';
}
