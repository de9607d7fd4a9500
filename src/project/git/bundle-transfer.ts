import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type BundleInfo, MAX_COMMITS_ASKED } from '../../protocol/bundle.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Git } from './git.js';
import { DiskFullError, gitError, isDiskFull } from './git-errors.js';
import { isShallow } from './mirror.js';

/** The master as a relay of bundles. All methods reject with ClusterRunnerError, or the reason of an aborted signal. */
export interface BundleRelay {
  known(commits: readonly string[]): Promise<{ known: readonly string[]; numSlaves: number }>;
  /** The bundles that lead to the commit, newest first; empty when the master does not have it. */
  chain(commit: string): Promise<readonly BundleInfo[]>;
  /** Writes the bundle to `file`, which must not exist. Rejects when its digest is not that of `pack`. */
  fetch(pack: BundleInfo, file: string): Promise<void>;
  send(commit: string, base: string | null, file: string): Promise<void>;
}

/** Refs that keep the commits of bundles: git builds bundles only upon commits that a ref reaches. */
const KEPT = 'refs/clusterrunner/commits';
/** Where the tags of a bundle are until it is certain that its commit contains them. */
const INCOMING = 'refs/clusterrunner/incoming';
const MAX_KEPT = 100;
/** How far back a base for a thin bundle is searched; otherwise the whole history is sent. */
const MAX_ANCESTORS = 500;
const MAX_TAGS = 500;

/** A commit that a mirror has. */
export interface Mirrored {
  readonly mirror: string;
  readonly commit: string;
}

/** Sends the master the commits that it lacks, if there are other slaves. Tries all; then @throws the first error */
export async function sendCommits(git: Git, all: readonly Mirrored[], relay: BundleRelay): Promise<void> {
  // A bundle cannot say where a history is cut off, so each slave fetches a shallow clone itself.
  const whole = all.filter(({ mirror }) => !isShallow(mirror));
  const wanted = new Map(whole.map((one) => [one.commit, one.mirror]));
  // One request for all submodules; a single commit is looked up with its ancestors below.
  const has =
    wanted.size > 1
      ? await relay.known([...wanted.keys()].slice(0, MAX_COMMITS_ASKED))
      : { known: [], numSlaves: 2 };
  const problems: unknown[] = [];
  for (const [commit, mirror] of has.numSlaves < 2 ? [] : wanted) {
    if (!has.known.includes(commit)) {
      await sendCommit(git, mirror, commit, relay).catch((error: unknown) => problems.push(error));
    }
  }
  if (problems.length > 0) {
    throw problems[0];
  }
}

/**
 * Sends the master a bundle of the commit, a thin one when the master has an ancestor. It includes the branches that point to the
 * commit, and the tags that it contains.
 */
async function sendCommit(git: Git, mirror: string, commit: string, relay: BundleRelay): Promise<void> {
  const ancestors = await lines(git, mirror, 'rev-list', `--max-count=${MAX_ANCESTORS}`, commit, '--');
  const { known, numSlaves } = await relay.known(ancestors);
  if (numSlaves < 2 || known.includes(commit)) {
    return;
  }
  const base = ancestors.find((one) => known.includes(one)) ?? null;
  await sendBundle(git, mirror, { commit, base, refs: await refsAlong(git, mirror, commit, base) }, relay);
  await forgetOld(git, mirror, [commit]);
}

/** The content of a bundle: a commit of the repository, and refs. */
export interface Bundle {
  readonly commit: string;
  /** An ancestor that the master has; null: it has none. */
  readonly base: string | null;
  readonly refs: readonly string[];
}

/** Adds a ref for the commit, and sends its bundle. Resolves with the size in bytes. */
export async function sendBundle(
  git: Git,
  repository: string,
  { commit, base, refs }: Bundle,
  relay: BundleRelay,
): Promise<number> {
  await keepCommit(git, repository, commit);
  const file = join(repository, `${randomUUID()}.bundle`);
  try {
    const excluded = base === null ? [] : [`^${base}`];
    const args = ['bundle', 'create', '--quiet', file, `${KEPT}/${commit}`, ...refs, ...excluded];
    const made = await git(repository, ...args);
    if (made.exitCode !== 0) {
      throw gitError(`Commit ${commit} could not be bundled`, made);
    }
    await relay.send(commit, base, file);
    return (await stat(file)).size;
  } finally {
    await rm(file, { force: true });
  }
}

/**
 * Fetches what the mirror lacks of the commit from the master; resolves with false when the master does not have it.
 * @throws ClusterRunnerError, also when a bundle has another commit than its name says
 */
export async function receiveCommit(
  git: Git,
  mirror: string,
  commit: string,
  relay: BundleRelay,
): Promise<boolean> {
  const missing: BundleInfo[] = [];
  for (const pack of await relay.chain(commit)) {
    missing.unshift(pack);
    if (pack.base === null || (await isKept(git, mirror, pack.base))) {
      break;
    }
  }
  for (const pack of missing) {
    await receivePack(git, mirror, pack, relay);
  }
  // Only after all: each bundle of the chain builds upon the one before, however old that commit is.
  await forgetOld(
    git,
    mirror,
    missing.map((pack) => pack.commit),
  );
  return missing.length > 0;
}

async function receivePack(git: Git, mirror: string, pack: BundleInfo, relay: BundleRelay): Promise<void> {
  const file = join(mirror, `${randomUUID()}.bundle`);
  const ref = `${KEPT}/${pack.commit}`;
  try {
    await relay.fetch(pack, file).catch((error: unknown) => {
      throw isDiskFull(error)
        ? new DiskFullError(`The bundle of commit ${pack.commit} could not be written`, error)
        : error;
    });
    const fetch = async (from: string, ...refspecs: string[]) => {
      const options = ['--quiet', '--no-tags', '--no-write-fetch-head'];
      const fetched = await git(mirror, 'fetch', ...options, '--', from, ...refspecs);
      if (fetched.exitCode !== 0) {
        throw gitError(`The bundle of commit ${pack.commit} cannot be used`, fetched);
      }
    };
    const heads = await git(mirror, 'bundle', 'list-heads', file);
    const branches = [...heads.stdout.matchAll(/^(\S+) (refs\/heads\/.+)$/gm)].flatMap(([, hash, branch]) =>
      hash === pack.commit ? [`+${branch}:${branch}`] : [],
    );
    const hasTags = /^\S+ refs\/tags\//m.test(heads.stdout);
    await fetch(file, `+${ref}:${ref}`, ...branches, ...(hasTags ? [`+refs/tags/*:${INCOMING}/*`] : []));
    const [found] = await lines(git, mirror, 'rev-parse', '--verify', ref);
    if (found !== pack.commit) {
      await git(mirror, 'update-ref', '-d', ref);
      throw new ClusterRunnerError(
        'PREPARATION_FAILED',
        `The bundle of commit ${pack.commit} holds another commit.`,
      );
    }
    if (hasTags) {
      const format = `--format=%(refname:lstrip=3)`;
      const tags = await lines(
        git,
        mirror,
        'for-each-ref',
        format,
        `--merged=${pack.commit}`,
        `${INCOMING}/`,
      );
      const refspecs = tags.map((tag) => `+${INCOMING}/${tag}:refs/tags/${tag}`);
      await (refspecs.length === 0 ? undefined : fetch('.', ...refspecs));
      // Fetches from refs that do not exist, so that --prune removes all incoming ones.
      await git(
        mirror,
        'fetch',
        '--quiet',
        '--prune',
        '--no-write-fetch-head',
        '--',
        '.',
        `+${INCOMING}-none/*:${INCOMING}/*`,
      );
    }
  } finally {
    await rm(file, { force: true });
  }
}

async function keepCommit(git: Git, mirror: string, commit: string): Promise<void> {
  const kept = await git(mirror, 'update-ref', `${KEPT}/${commit}`, commit);
  if (kept.exitCode !== 0) {
    throw gitError(`Commit ${commit} could not be kept`, kept);
  }
}

/** Deletes the oldest refs. Git keeps their objects for two more weeks. */
async function forgetOld(git: Git, mirror: string, used: readonly string[]): Promise<void> {
  const refs = await lines(
    git,
    mirror,
    'for-each-ref',
    '--sort=-committerdate',
    '--format=%(refname)',
    `${KEPT}/`,
  );
  const spared = new Set(used.map((commit) => `${KEPT}/${commit}`));
  for (const ref of refs.slice(MAX_KEPT).filter((one) => !spared.has(one))) {
    await git(mirror, 'update-ref', '-d', ref);
  }
}

async function isKept(git: Git, mirror: string, commit: string): Promise<boolean> {
  const result = await git(mirror, 'for-each-ref', '--count=1', `--contains=${commit}`);
  return result.exitCode === 0 && result.stdout !== '';
}

async function refsAlong(git: Git, mirror: string, commit: string, base: string | null): Promise<string[]> {
  const format = '--format=%(refname)';
  const heads = await lines(git, mirror, 'for-each-ref', format, `--points-at=${commit}`, 'refs/heads/');
  const tags = await lines(
    git,
    mirror,
    'for-each-ref',
    format,
    '--sort=-creatordate',
    `--count=${MAX_TAGS}`,
    `--merged=${commit}`,
    ...(base === null ? [] : [`--no-merged=${base}`]),
    'refs/tags/',
  );
  return [...heads, ...tags];
}

async function lines(git: Git, mirror: string, ...args: string[]): Promise<string[]> {
  const result = await git(mirror, ...args);
  if (result.exitCode !== 0) {
    throw gitError('The mirror of the repository cannot be read', result);
  }
  return result.stdout.split('\n').filter((line) => line !== '');
}
