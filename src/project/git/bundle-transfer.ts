import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { MAX_COMMITS_ASKED, type Pack } from '../../protocol/pack.js';
import type { Git } from './git.js';
import { DiskFullError, failed, isDiskFull } from './git-errors.js';
import { isShallow } from './mirror.js';

/** The master, as one who passes bundles on. Everything rejects with ClusterRunnerError, or when it is aborted. */
export interface BundleRelay {
  known(commits: readonly string[]): Promise<{ known: readonly string[]; numSlaves: number }>;
  /** Newest first; empty when the master does not have it. */
  chain(commit: string): Promise<readonly Pack[]>;
  /** Writes the bundle to `file`, which is not there yet. Rejects unless it has the digest of `pack`. */
  fetch(pack: Pack, file: string): Promise<void>;
  send(commit: string, base: string | null, file: string): Promise<void>;
}

/** What bundles bring is kept by refs of these names: git builds a bundle upon nothing that no ref reaches. */
const KEPT = 'refs/clusterrunner/commits';
/** Where tags of a bundle are until it is known that its commit contains them. */
const INCOMING = 'refs/clusterrunner/incoming';
const MAX_KEPT = 100;
/** Builds follow each other closely; what is further back is sent whole. */
const MAX_ANCESTORS = 500;
const MAX_TAGS = 500;

/** A commit that a mirror has. */
export interface Mirrored {
  readonly mirror: string;
  readonly commit: string;
}

/** Gives the master those that it does not have, if there are other slaves. @throws the first of what goes wrong, at the end */
export async function sendCommits(git: Git, all: readonly Mirrored[], relay: BundleRelay): Promise<void> {
  // A bundle does not say where a history is cut off, so of a shallow clone each slave asks itself.
  const whole = all.filter(({ mirror }) => !isShallow(mirror));
  const wanted = new Map(whole.map((one) => [one.commit, one.mirror]));
  // One question for all submodules; a commit alone is asked for with its ancestors below.
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
 * Gives the master a bundle of the commit, thin when the master has one of its ancestors. With it go the branches that
 * are at the commit, and tags that it contains.
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

/** What a bundle is to hold: a commit that the repository has, and refs that go with it. */
export interface Bundle {
  readonly commit: string;
  /** An ancestor that the master has; null: nothing. */
  readonly base: string | null;
  readonly refs: readonly string[];
}

/** Keeps the commit in the repository, and gives the master its bundle. Resolves with the size in bytes. */
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
      throw failed(`Commit ${commit} could not be bundled`, made);
    }
    await relay.send(commit, base, file);
    return (await stat(file)).size;
  } finally {
    await rm(file, { force: true });
  }
}

/**
 * Fetches from the master what the mirror lacks of the commit; false when the master does not have it.
 * @throws ClusterRunnerError, also when a bundle is not what its name says
 */
export async function receiveCommit(
  git: Git,
  mirror: string,
  commit: string,
  relay: BundleRelay,
): Promise<boolean> {
  const missing: Pack[] = [];
  for (const pack of await relay.chain(commit)) {
    missing.unshift(pack);
    if (pack.base === null || (await isKept(git, mirror, pack.base))) {
      break;
    }
  }
  for (const pack of missing) {
    await receivePack(git, mirror, pack, relay);
  }
  // Not before: the next of the chain builds on what has just come, however old its date is.
  await forgetOld(
    git,
    mirror,
    missing.map((pack) => pack.commit),
  );
  return missing.length > 0;
}

async function receivePack(git: Git, mirror: string, pack: Pack, relay: BundleRelay): Promise<void> {
  const file = join(mirror, `${randomUUID()}.bundle`);
  const ref = `${KEPT}/${pack.commit}`;
  try {
    await relay.fetch(pack, file).catch((error: unknown) => {
      throw isDiskFull(error)
        ? new DiskFullError(`The bundle of commit ${pack.commit} could not be kept`, error)
        : error;
    });
    const fetch = async (from: string, ...refspecs: string[]) => {
      const options = ['--quiet', '--no-tags', '--no-write-fetch-head'];
      const fetched = await git(mirror, 'fetch', ...options, '--', from, ...refspecs);
      if (fetched.exitCode !== 0) {
        throw failed(`The bundle of commit ${pack.commit} cannot be used`, fetched);
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
      // From where nothing is: all that is there goes.
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
    throw failed(`Commit ${commit} could not be kept`, kept);
  }
}

/** Their objects stay for two weeks more, git's own time for what no ref reaches. */
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
    throw failed('The mirror of the repository cannot be read', result);
  }
  return result.stdout.split('\n').filter((line) => line !== '');
}
