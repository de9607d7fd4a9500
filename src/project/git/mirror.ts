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
import { DamagedMirrorError, failed, fetchFailed } from './git-errors.js';

/** Where a fetch of ours puts what is neither branch nor tag; clones do not copy it. */
const WANTED = 'refs/clusterrunner/wanted';
const ALL = 'refs/clusterrunner/all';
/** Of the objects that a shortened hash may mean, so many are looked at. */
const MAX_CANDIDATES = 50;

export function mirrorPath(root: string, url: string): string {
  return join(root, 'mirrors', createHash('sha256').update(url).digest('hex').slice(0, 32));
}

/** Removes what a fetch has begun and not ended, which git would keep for two weeks. No other may be under way. */
export async function clearUnfinished(mirror: string): Promise<void> {
  await removeNamed(join(mirror, 'objects', 'pack'), /^\.?tmp[-_]/);
}

/** The same, and bundles that a killed process has left. For when nothing else uses the mirror. */
export async function clearLeft(mirror: string): Promise<void> {
  await clearUnfinished(mirror);
  await removeNamed(mirror, /\.bundle(\.lock)?$/);
}

async function removeNamed(folder: string, pattern: RegExp): Promise<void> {
  const names = existsSync(folder) ? await readdir(folder) : [];
  for (const name of names.filter((one) => pattern.test(one))) {
    await rm(join(folder, name), { force: true });
  }
}

/** Mirrors that are not used for long are removed. */
export async function markUsed(mirror: string): Promise<void> {
  const now = new Date();
  await utimes(mirror, now, now);
}

/** The commit that `hash` (perhaps shortened) names, if the mirror has it; needs no network. */
export async function findCommit(git: Git, mirror: string, hash: string): Promise<string | null> {
  if (!existsSync(join(mirror, 'HEAD'))) {
    return null;
  }
  const commit = await parse(git, mirror, hash);
  // A whole hash may be that of a tag; a branch may be named like a short one.
  if (commit !== null && (commit.length === hash.length || commit.startsWith(hash.toLowerCase()))) {
    return commit;
  }
  return findShortened(git, mirror, hash);
}

/** Of the objects whose hashes begin so the only commit, or the commit of the only tag. */
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
      `The hash ${hash} is short for several commits (${commits.slice(0, 3).join(', ')}); give more of its digits.`,
    );
  }
  return commits[0] ?? null;
}

/** Whether its history is cut off somewhere, as that of its origin is. */
export function isShallow(mirror: string): boolean {
  return existsSync(join(mirror, 'shallow'));
}

/** Does nothing to one that is there already. @throws DamagedMirrorError */
export async function makeMirror(git: Git, mirror: string, ...options: string[]): Promise<void> {
  await mkdir(mirror, { recursive: true });
  const made = await git(mirror, 'init', '--quiet', '--bare', '--template=', ...options, '.');
  if (made.exitCode !== 0) {
    // Often something else stands where a part of it should be; if not, a second try says the same.
    throw new DamagedMirrorError('PREPARATION_FAILED', failed('The mirror could not be made', made).message);
  }
}

/**
 * Brings the mirror up to date, makes it when it is not there, and resolves to the commit that the project asks
 * for. Only one call per mirror may run at a time.
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
    // Only the server knows; a mirror of the other format has nothing of this repository.
    await removeTree(mirror);
    await makeMirror(git, mirror, `--object-format=${format}`);
    fetched = await fetch(git, mirror, project, refspecs, '--prune');
  }
  if (fetched.exitCode !== 0) {
    if (wantsHead && /couldn't find remote ref HEAD/i.test(fetched.stderr)) {
      throw failed(
        `The git repository ${maskCredentials(project.url)} has no commit at its HEAD; name a branch`,
        fetched,
      );
    }
    throw fetchFailed(project.url, fetched);
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
  // Neither branch nor tag: a change of a review system, for instance (pull/5/head).
  const result = await fetch(git, mirror, project, [`+${branch}:${WANTED}`]);
  if (result.exitCode !== 0 && !/couldn't find remote ref/i.test(result.stderr)) {
    throw fetchFailed(project.url, result);
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

/** Not every server gives a commit by its hash, and none by a shortened one: then all its refs are asked for. */
async function resolveHash(git: Git, mirror: string, project: GitProject, hash: string): Promise<string> {
  let commit = await findCommit(git, mirror, hash);
  const isWhole = hash.length === 40 || hash.length === 64;
  let refusal: ProgramResult | null = null;
  if (commit === null && isWhole) {
    refusal = await fetch(git, mirror, project, [`+${hash}:${WANTED}`]);
    commit = await findCommit(git, mirror, hash);
  }
  if (commit === null) {
    const all = await fetch(git, mirror, project, [`+refs/*:${ALL}/*`], '--prune');
    if (all.exitCode !== 0) {
      throw fetchFailed(project.url, all);
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
    const sentence = isWhole
      ? `The git repository ${url} has no commit ${hash} in a branch or other ref, and its server does not give it by its hash alone; push it to a branch, or check the hash`
      : `The git repository ${url} has no commit ${hash} in a branch or other ref; push it to a branch, or give the whole hash`;
    throw refusal === null
      ? new ClusterRunnerError('PREPARATION_FAILED', `${sentence}.`)
      : failed(sentence, refusal);
  }
  return commit;
}

/**
 * @param more `--prune` for refspecs that name all that the mirror is to have: of a ref that is given in a short form git
 *   would remove what it has just fetched
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
    // Of an origin that is a shallow clone what it has, and the rest once it has that.
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
    throw failed('The mirror of the repository cannot be read', result);
  }
  return null;
}
