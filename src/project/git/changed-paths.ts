import { posix, resolve } from 'node:path';
import { MAX_CHANGED_FILES } from '../../protocol/build/build.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Git } from './git.js';
import { gitError } from './git-errors.js';
import { findCommit } from './mirror.js';

const NAMES = ['--name-only', '-z', '--no-renames', '--no-ext-diff'] as const;

/**
 * The files in which `commit` differs from its newest common ancestor with `since`: added, changed and removed ones, and
 * both names of a renamed one. Paths are relative to `folder`, itself relative to the root of the repository, in order.
 * @param repository a repository with both commits
 * @throws ClusterRunnerError PREPARATION_FAILED
 */
export async function changedPaths(
  git: Git,
  repository: string,
  { since, commit, folder }: { readonly since: string; readonly commit: string; readonly folder: string },
): Promise<string[]> {
  const base = await git(repository, 'merge-base', since, commit);
  // Without a common ancestor, such as in a history that is cut off, everything that differs has changed.
  const from = base.exitCode === 0 ? base.stdout.trim() : since;
  const shown = await git(repository, 'diff', ...NAMES, from, commit, '--');
  if (shown.exitCode !== 0) {
    throw gitError(`The files that changed since ${since} could not be found`, shown);
  }
  return relativePaths([shown.stdout], folder);
}

/**
 * The files in which the working tree of a checkout differs from the newest common ancestor of its HEAD and `since`, with
 * untracked ones. Paths are relative to `directory`, a folder of the checkout, in order.
 * @throws ClusterRunnerError USAGE; PREPARATION_FAILED
 */
export async function changedInWorkingTree(git: Git, directory: string, since: string): Promise<string[]> {
  const shown = await git(directory, 'rev-parse', '--show-cdup', '--show-prefix');
  if (shown.exitCode !== 0) {
    throw new ClusterRunnerError(
      'USAGE',
      `--since needs a git checkout, and ${directory} is in none; leave it out, or name a folder of one.`,
    );
  }
  const [, up = '', prefix = ''] = /^(.*)\n(.*)\n$/s.exec(shown.stdout) ?? [];
  const top = resolve(directory, up);
  const commit = await git(top, 'rev-parse', '--quiet', '--verify', '--end-of-options', `${since}^{commit}`);
  if (commit.exitCode !== 0) {
    throw new ClusterRunnerError(
      'USAGE',
      `"${since}" is no branch, tag or commit of this checkout; fetch it, or name another one with --since.`,
    );
  }
  const named = commit.stdout.trim();
  const base = await git(top, 'merge-base', named, 'HEAD');
  const from = base.exitCode === 0 ? base.stdout.trim() : named;
  const [changed, untracked] = [
    await git(top, 'diff', ...NAMES, from, '--'),
    await git(top, 'ls-files', '-z', '--others', '--exclude-standard'),
  ];
  for (const listed of [changed, untracked]) {
    if (listed.exitCode !== 0) {
      throw gitError(`The files that changed since ${since} could not be found`, listed);
    }
  }
  return relativePaths([changed.stdout, untracked.stdout], prefix);
}

/** The paths that git lists in outputs, each followed by NUL. @throws ClusterRunnerError PREPARATION_FAILED */
export function relativePaths(outputs: readonly string[], folder: string): string[] {
  const paths = outputs.flatMap((output) => output.split('\0')).filter((path) => path !== '');
  // An output that is too long to be kept is cut at its beginning.
  if (paths.length > MAX_CHANGED_FILES || outputs.some((output) => output.startsWith('…'))) {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `More than ${MAX_CHANGED_FILES} files have changed, too many to choose atoms by; name a newer commit with --since, or leave it out.`,
    );
  }
  const odd = paths.find((path) => /[\n\ufffd]/.test(path));
  if (odd !== undefined) {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The name of the changed file ${JSON.stringify(odd)} has a line end or is not UTF-8; rename it, or leave --since out.`,
    );
  }
  return paths.map((path) => posix.relative(folder, path)).sort();
}

/** The commit that a text names in a mirror: a branch, also with the name of a remote before it, a tag, or a hash. */
export async function commitNamed(git: Git, mirror: string, name: string): Promise<string | null> {
  const branches = [name, name.replace(/^[^/]+\//, '')];
  for (const ref of [...branches.map((branch) => `refs/heads/${branch}`), `refs/tags/${name}`]) {
    const found = await git(
      mirror,
      'rev-parse',
      '--quiet',
      '--verify',
      '--end-of-options',
      `${ref}^{commit}`,
    );
    if (found.exitCode === 0) {
      return found.stdout.trim();
    }
  }
  return /^[0-9a-f]{4,64}$/i.test(name) ? findCommit(git, mirror, name) : null;
}
