import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../../lib/fs/remove-tree.js';
import { maskCredentials } from '../../lib/text/mask-credentials.js';
import type { ProgramResult } from '../../process/run-program.js';
import type { GitProject } from '../../protocol/build/project.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Git } from './git.js';
import { DamagedMirrorError, fetchError, gitError } from './git-errors.js';

/** For fetched refs that are neither branches nor tags; clones do not copy them. */
const WANTED = 'refs/clusterrunner/wanted';
const ALL = 'refs/clusterrunner/all';
/** How many objects that match a shortened hash are examined. */
const MAX_CANDIDATES = 50;

export function mirrorPath(root: string, url: string): string {
  return join(root, 'mirrors', createHash('sha256').update(url).digest('hex').slice(0, 32));
}

/** Removes files of an unfinished fetch, which git would keep for two weeks. No other fetch may be running. */
export async function clearUnfinished(mirror: string): Promise<void> {
  await removeNamed(join(mirror, 'objects', 'pack'), /^\.?tmp[-_]/);
}

/** Like clearUnfinished, and removes bundles that a killed process has left. Nothing else may use the mirror. */
export async function clearLeftovers(mirror: string): Promise<void> {
  await clearUnfinished(mirror);
  await removeNamed(mirror, /\.bundle(\.lock)?$/);
}

async function removeNamed(folder: string, pattern: RegExp): Promise<void> {
  const names = existsSync(folder) ? await readdir(folder) : [];
  for (const name of names.filter((one) => pattern.test(one))) {
    await rm(join(folder, name), { force: true });
  }
}

/** Sets the time by which unused mirrors are removed. */
export async function markUsed(mirror: string): Promise<void> {
  const now = new Date();
  await utimes(mirror, now, now);
}

/** The commit with this hash (perhaps shortened), if the mirror has it; uses no network. */
export async function findCommit(git: Git, mirror: string, hash: string): Promise<string | null> {
  if (!existsSync(join(mirror, 'HEAD'))) {
    return null;
  }
  const commit = await parse(git, mirror, hash);
  // A full hash may be that of a tag object; a branch may be named like a short one.
  if (commit !== null && (commit.length === hash.length || commit.startsWith(hash.toLowerCase()))) {
    return commit;
  }
  return findShortened(git, mirror, hash);
}

/** The only commit whose hash begins like this, or the commit of the only such tag. */
async function findShortened(git: Git, mirror: string, hash: string): Promise<string | null> {
  const listed = await git(mirror, 'rev-parse', `--disambiguate=${hash}`);
  const ids = listed.stdout.split('\n').filter((id) => id.startsWith(hash.toLowerCase()));
  const found = new Map<string, string>();
  for (const id of listed.exitCode === 0 ? ids.slice(0, MAX_CANDIDATES) : []) {
    const commit = await parse(git, mirror, id);
    if (commit !== null) {
      found.set(id, commit);
    }
  }
  const direct = [...found.keys()].filter((id) => found.get(id) === id);
  const commits = direct.length > 0 ? direct : [...new Set(found.values())];
  if (commits.length > 1) {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The hash ${hash} is ambiguous: it fits several commits (${commits.slice(0, 3).join(', ')}); give more of its digits.`,
    );
  }
  return commits[0] ?? null;
}

/** Whether its history is cut off, like that of its origin. */
export function isShallow(mirror: string): boolean {
  return existsSync(join(mirror, 'shallow'));
}

/** Creates the mirror unless it exists. @throws DamagedMirrorError */
export async function makeMirror(git: Git, mirror: string, ...options: string[]): Promise<void> {
  await mkdir(mirror, { recursive: true });
  const made = await git(mirror, 'init', '--quiet', '--bare', '--template=', ...options, '.');
  if (made.exitCode !== 0) {
    // Often a file is in the place of a part of it; otherwise the second attempt fails in the same way.
    throw new DamagedMirrorError(
      'PREPARATION_FAILED',
      gitError('The mirror could not be created', made).message,
    );
  }
}

/**
 * Fetches into the mirror, creating it if needed, and resolves with the commit that the project names. Only one call per mirror
 * may run at a time.
 * @throws ClusterRunnerError PREPARATION_FAILED; DamagedMirrorError
 */
export async function updateMirror(git: Git, mirror: string, project: GitProject): Promise<string> {
  await makeMirror(git, mirror);
  const refs = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'];
  const wantsHead = project.branch === null && project.hash === null;
  const refspecs = [...refs, ...(wantsHead ? [`+HEAD:${WANTED}`] : [])];
  let fetched = await fetch(git, mirror, project, refspecs, '--prune');
  const [, format] = /mismatched algorithms: client sha\d+; server (sha1|sha256)/.exec(fetched.stderr) ?? [];
  if (fetched.exitCode !== 0 && format !== undefined) {
    // Only the server knows the format; a mirror of the other format has nothing of this repository.
    await removeTree(mirror);
    await makeMirror(git, mirror, `--object-format=${format}`);
    fetched = await fetch(git, mirror, project, refspecs, '--prune');
  }
  if (fetched.exitCode !== 0) {
    if (wantsHead && /couldn't find remote ref HEAD/i.test(fetched.stderr)) {
      throw gitError(
        `The git repository ${maskCredentials(project.url)} has no commit at its HEAD; name a branch`,
        fetched,
      );
    }
    throw fetchError(project.url, fetched);
  }
  return project.hash === null
    ? resolveRef(git, mirror, project)
    : resolveHash(git, mirror, project, project.hash);
}

async function resolveRef(git: Git, mirror: string, project: GitProject): Promise<string> {
  const { branch } = project;
  const candidates =
    branch === null
      ? [WANTED]
      : branch.startsWith('refs/')
        ? [branch]
        : [`refs/heads/${branch}`, `refs/tags/${branch}`];
  for (const ref of candidates) {
    const isMirrored = ref === WANTED || /^refs\/(heads|tags)\//.test(ref);
    const commit = isMirrored ? await parse(git, mirror, ref) : null;
    if (commit !== null) {
      return commit;
    }
  }
  // Neither branch nor tag: a ref of a review system, for instance (pull/5/head).
  const result = await fetch(git, mirror, project, [`+${branch}:${WANTED}`]);
  if (result.exitCode !== 0 && !/couldn't find remote ref/i.test(result.stderr)) {
    throw fetchError(project.url, result);
  }
  const commit = result.exitCode === 0 ? await parse(git, mirror, WANTED) : null;
  if (commit === null) {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The git repository ${maskCredentials(project.url)} has no branch, tag or other ref named "${branch}" that is a commit; check the branch.`,
    );
  }
  return commit;
}

/** Not every server serves a commit by its hash, and none by a shortened one: then all refs are fetched. */
async function resolveHash(git: Git, mirror: string, project: GitProject, hash: string): Promise<string> {
  let commit = await findCommit(git, mirror, hash);
  const isFull = hash.length === 40 || hash.length === 64;
  let refusal: ProgramResult | null = null;
  if (commit === null && isFull) {
    refusal = await fetch(git, mirror, project, [`+${hash}:${WANTED}`]);
    commit = await findCommit(git, mirror, hash);
  }
  if (commit === null) {
    const all = await fetch(git, mirror, project, [`+refs/*:${ALL}/*`], '--prune');
    if (all.exitCode !== 0) {
      throw fetchError(project.url, all);
    }
    commit = await findCommit(git, mirror, hash);
  }
  if (commit === null) {
    const url = maskCredentials(project.url);
    const { stdout: kind } = await git(mirror, 'cat-file', '-t', hash);
    if (/^(tree|blob|tag)$/.test(kind.trim())) {
      throw new ClusterRunnerError(
        'PREPARATION_FAILED',
        `${hash} in the git repository ${url} is a ${kind.trim()} and leads to no commit; give the hash of a commit.`,
      );
    }
    const problem = isFull
      ? `The git repository ${url} has no commit ${hash} in a branch or other ref, and its server does not serve it by its hash alone; push it to a branch, or check the hash`
      : `The git repository ${url} has no commit ${hash} in a branch or other ref; push it to a branch, or give the full hash`;
    throw refusal === null
      ? new ClusterRunnerError('PREPARATION_FAILED', `${problem}.`)
      : gitError(problem, refusal);
  }
  return commit;
}

/**
 * @param more `--prune`, for refspecs with patterns only: with a ref in short form, git would remove what it has just fetched
 */
async function fetch(
  git: Git,
  mirror: string,
  project: GitProject,
  refspecs: readonly string[],
  ...more: string[]
) {
  return git(
    mirror,
    'fetch',
    '--quiet',
    '--force',
    ...more,
    // Follows an origin that is a shallow clone, and one that was deepened.
    '--update-shallow',
    ...(isShallow(mirror) ? ['--unshallow'] : []),
    '--no-tags',
    '--no-write-fetch-head',
    '--',
    project.url,
    ...refspecs,
  );
}

async function parse(git: Git, mirror: string, name: string): Promise<string | null> {
  const result = await git(mirror, 'rev-parse', '--quiet', '--verify', `${name}^{commit}`);
  if (result.exitCode === 0) {
    return result.stdout.trim();
  }
  if (/not a git repository|bad config/i.test(result.stderr)) {
    throw gitError('The mirror of the repository cannot be read', result);
  }
  return null;
}
