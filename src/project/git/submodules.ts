import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Git } from './git.js';
import { gitError } from './git-errors.js';

/** A submodule of a repository that is checked out. */
export interface Submodule {
  /** Relative to the top of that repository. */
  readonly path: string;
  /** As git resolves it: a relative one is relative to that of the repository. */
  readonly url: string;
  readonly commit: string;
}

export interface Submodules {
  readonly found: readonly Submodule[];
  /** Paths of submodules that `update = none` excludes: their folders stay empty. */
  readonly skipped: readonly string[];
}

/** In a whole build. Each costs several runs of git, and nested submodules can multiply. */
export const MAX_SUBMODULES = 1000;
/** Keeps the output of one `git ls-tree` far below the limit. */
const PATHS_PER_CALL = 100;

/**
 * The submodules of the repository in `folder`, which has its HEAD checked out. Git itself reads `.gitmodules`, refuses malicious
 * names and settings, and writes the URLs to the repository's configuration.
 * @param url of the repository
 * @throws ClusterRunnerError PREPARATION_FAILED, also when `.gitmodules` does not name a submodule of the repository
 */
export async function submodulesOf(git: Git, folder: string, url: string | null): Promise<Submodules> {
  // With a detached HEAD, git uses the remote `origin`, whatever the remote is called here.
  const base = url === null ? [] : ['-c', `remote.origin.url=${url}`];
  const begun = await git(folder, ...base, 'submodule', '--quiet', 'init', '--', '.');
  if (begun.exitCode !== 0) {
    // A problem with .gitmodules does not mean that the mirror is damaged.
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      gitError('The submodules of the repository cannot be used; check .gitmodules', begun).message,
    );
  }
  if (!existsSync(join(folder, '.gitmodules'))) {
    return { found: [], skipped: [] };
  }
  const paths = await settingsOf(git, folder, 'path', '--blob', 'HEAD:.gitmodules');
  const urls = await settingsOf(git, folder, 'url', '--local');
  // The user who runs the slave may have set it too.
  const updates = await settingsOf(git, folder, 'update');
  const named = new Map(
    [...paths].map(([name, path]) => [path, { url: urls.get(name), update: updates.get(name) }]),
  );
  const unreadable = [...paths.values()].find((path) => path.includes('\ufffd'));
  if (unreadable !== undefined) {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The path of the submodule ${JSON.stringify(unreadable)} is not UTF-8; rename its folder.`,
    );
  }
  if (named.size > MAX_SUBMODULES) {
    throw tooManySubmodules();
  }
  const found: Submodule[] = [];
  const skipped: string[] = [];
  for (const [path, commit] of await commitsAt(git, folder, [...named.keys()])) {
    const { url: from, update } = named.get(path) ?? {};
    if (update === 'none') {
      skipped.push(path);
    } else if (from !== undefined) {
      found.push({ path, url: from, commit });
    }
  }
  return { found, skipped };
}

export function tooManySubmodules(): ClusterRunnerError {
  return new ClusterRunnerError(
    'PREPARATION_FAILED',
    `The project has more than ${MAX_SUBMODULES} submodules, which is more than a slave checks out.`,
  );
}

/** One setting of all submodules, by their names. */
async function settingsOf(
  git: Git,
  folder: string,
  what: string,
  ...where: string[]
): Promise<Map<string, string>> {
  const args = ['config', '--null', ...where, '--get-regexp', `^submodule\\..*\\.${what}$`];
  const { exitCode, stdout, stderr } = await git(folder, ...args);
  // 1: there are none.
  if (exitCode > 1) {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The submodules cannot be read (git said: ${stderr.trim()}).`,
    );
  }
  const values = new Map<string, string>();
  for (const entry of stdout.split('\0').filter((one) => one !== '')) {
    const end = entry.indexOf('\n');
    const name = entry.slice('submodule.'.length, end - what.length - 1);
    values.set(name, entry.slice(end + 1));
  }
  return values;
}

/** The commits of those paths that are submodules in HEAD. */
async function commitsAt(git: Git, folder: string, paths: readonly string[]): Promise<Map<string, string>> {
  const commits = new Map<string, string>();
  for (let start = 0; start < paths.length; start += PATHS_PER_CALL) {
    const asked = paths.slice(start, start + PATHS_PER_CALL);
    const listed = await git(folder, 'ls-tree', '-z', 'HEAD', '--', ...asked);
    if (listed.exitCode !== 0) {
      throw gitError('The submodules of the repository cannot be read', listed);
    }
    for (const entry of listed.stdout.split('\0')) {
      const [, commit, path] = /^160000 commit ([0-9a-f]+)\t(.*)$/s.exec(entry) ?? [];
      if (commit !== undefined && path !== undefined) {
        commits.set(path, commit);
      }
    }
  }
  return commits;
}
