import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Git } from './git.js';
import { failed } from './git-errors.js';

/** A submodule of a repository that is checked out. */
export interface Submodule {
  /** From the top of that repository. */
  readonly path: string;
  /** As git understands it: a relative one starts from the repository's own. */
  readonly url: string;
  readonly commit: string;
}

export interface Submodules {
  readonly found: readonly Submodule[];
  /** Paths of those that `update = none` keeps from being checked out: their folders stay empty. */
  readonly skipped: readonly string[];
}

/** Of a whole build; each costs several runs of git, and submodules within submodules can be made to multiply. */
export const MAX_SUBMODULES = 1000;
/** So that what git answers to one question is far below what is kept of an output. */
const PATHS_ASKED = 100;

/**
 * The submodules of the repository in `folder`, whose files are those of its HEAD. Git itself reads `.gitmodules`,
 * refuses names and settings that lead astray, and notes the addresses in the repository's configuration.
 * @param url of the repository
 * @throws ClusterRunnerError PREPARATION_FAILED also when the repository has a submodule that nothing names
 */
export async function submodulesOf(git: Git, folder: string, url: string | null): Promise<Submodules> {
  // Detached from any branch git takes `origin`, whatever the remote is called here.
  const base = url === null ? [] : ['-c', `remote.origin.url=${url}`];
  const begun = await git(folder, ...base, 'submodule', '--quiet', 'init', '--', '.');
  if (begun.exitCode !== 0) {
    // Nothing that is wrong with .gitmodules can be put down to the mirror.
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      failed('The submodules of the repository cannot be used; check .gitmodules', begun).message,
    );
  }
  if (!existsSync(join(folder, '.gitmodules'))) {
    return { found: [], skipped: [] };
  }
  const paths = await settingsOf(git, folder, 'path', '--blob', 'HEAD:.gitmodules');
  const urls = await settingsOf(git, folder, 'url', '--local');
  // Also as the user who runs the slave has set it.
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

/** By the submodule's name. */
async function settingsOf(
  git: Git,
  folder: string,
  what: string,
  ...where: string[]
): Promise<Map<string, string>> {
  const args = ['config', '--null', ...where, '--get-regexp', `^submodule\\..*\\.${what}$`];
  const { exitCode, stdout, stderr } = await git(folder, ...args);
  // 1: there is none.
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

/** What is a submodule of HEAD, by path; other paths are left out. */
async function commitsAt(git: Git, folder: string, paths: readonly string[]): Promise<Map<string, string>> {
  const commits = new Map<string, string>();
  for (let start = 0; start < paths.length; start += PATHS_ASKED) {
    const asked = paths.slice(start, start + PATHS_ASKED);
    const listed = await git(folder, 'ls-tree', '-z', 'HEAD', '--', ...asked);
    if (listed.exitCode !== 0) {
      throw failed('The submodules of the repository cannot be read', listed);
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
