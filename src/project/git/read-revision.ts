import type { ProgramResult } from '../../process/run-program.js';
import type { GitProject } from '../../protocol/build/project.js';
import { type Revision, revisionText } from '../../protocol/build/revision.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Git } from './git.js';

/** The revision of a commit in a mirror. Its branch is the requested one, or the only one that points to the commit. */
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
 * The state of the checkout that contains `folder`; null without a checkout, without git, or without a commit.
 * @param git with GIT_OPTIONAL_LOCKS=0, so that it does not write the index
 */
export async function revisionOfFolder(git: Git, folder: string): Promise<Revision | null> {
  try {
    const [commit, status] = await Promise.all([
      commitOfHead(git, folder),
      git(folder, 'status', '--porcelain=v2', '--branch', '--no-ahead-behind', '--untracked-files=normal'),
    ]);
    return commit === null ? null : { ...commit, ...readStatus(status) };
  } catch (error) {
    // The revision is only shown: a missing git must not fail the build.
    if (error instanceof ClusterRunnerError) {
      return null;
    }
    throw error;
  }
}

/** The commit and branch that are checked out in `folder`; null without a commit, or without a checkout. */
export async function headOf(git: Git, folder: string): Promise<Omit<Revision, 'has_changes'> | null> {
  const [commit, branch] = await Promise.all([
    commitOfHead(git, folder),
    git(folder, 'symbolic-ref', '--quiet', '--short', 'HEAD'),
  ]);
  return commit === null
    ? null
    : { ...commit, branch: branch.exitCode === 0 ? revisionText(branch.stdout) : null };
}

async function commitOfHead(git: Git, folder: string): Promise<Pick<Revision, 'commit' | 'subject'> | null> {
  const shown = await git(folder, ...SHOW, '--format=%H %s', 'HEAD', '--');
  const [, commit, subject] = /^([0-9a-f]{40,64}) (.*)/s.exec(shown.stdout) ?? [];
  return shown.exitCode !== 0 || commit === undefined || subject === undefined
    ? null
    : { commit, subject: revisionText(subject) };
}

/** Reads version 2 of the porcelain format of `git status`: headers begin with "#", everything else is a change. */
function readStatus({ exitCode, stdout }: ProgramResult): Pick<Revision, 'branch' | 'has_changes'> {
  if (exitCode !== 0) {
    return { branch: null, has_changes: null };
  }
  const lines = stdout.split('\n').filter((line) => line !== '');
  const name = lines.find((line) => line.startsWith(BRANCH_HEADER))?.slice(BRANCH_HEADER.length);
  return {
    branch: name === undefined || name === '(detached)' ? null : revisionText(name),
    has_changes: lines.some((line) => !line.startsWith('#')),
  };
}

const BRANCH_HEADER = '# branch.head ';
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
