import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join, relative } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { removeTree } from '../../lib/fs/remove-tree.js';
import type { SnapshotProject } from '../../protocol/build/project.js';
import type { Revision } from '../../protocol/build/revision.js';
import { MAX_CHAIN } from '../../protocol/bundle.js';
import { type BundleRelay, sendBundle } from '../git/bundle-transfer.js';
import { createGit, createProgram, type Git } from '../git/git.js';
import { gitEnvironment } from '../git/git-environment.js';
import { gitError } from '../git/git-errors.js';
import { GitFiles } from '../git/git-files.js';
import { headOf } from '../git/read-revision.js';
import {
  type Committed,
  deterministicCommit,
  deterministicEnvironment,
  MESSAGE,
} from './deterministic-commit.js';
import { ancestorsOf, findWorkingTree, makeScratch, scratchEnvironment, writeTree } from './working-tree.js';

export interface SnapshotOptions {
  /** In a checkout; contains clusterrunner.yaml. */
  readonly directory: string;
  /** Absolute paths that are left out unless they are committed. */
  readonly excluded: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly relay: BundleRelay;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

export interface Snapshot {
  readonly project: SnapshotProject;
  /** False when everything is committed. */
  readonly hasChanges: boolean;
  /** The commit that the working tree is based on; null when there is none. */
  readonly revision: Revision | null;
  /** The size of the bundles that were sent. */
  readonly bytesSent: number;
  /** Messages about what the snapshot does not contain although somebody may expect it. */
  readonly notes: readonly string[];
}

/** Creates a commit; resolves with its hash. */
type Commit = (tree: string, parent: string | null, seconds: number) => Promise<string>;

/**
 * Sends the master the current working tree: committed, uncommitted and untracked files, without ignored ones. Everything is
 * written to a temporary folder, which is removed afterwards: the checkout, its index, refs and objects do not change. Upon a
 * commit that the master has, also from an earlier snapshot, only the difference is sent.
 * @throws ClusterRunnerError USAGE, PREPARATION_FAILED; what the relay throws; the reason of `signal`
 */
export async function sendSnapshot(options: SnapshotOptions): Promise<Snapshot> {
  const { env, signal, clock, relay } = options;
  const parent = await mkdtemp(join(tmpdir(), 'clusterrunner-snapshot-'));
  const scratch = join(parent, 'repository');
  const basic = gitEnvironment(env, false, []);
  const git = createGit(basic, signal, clock);
  const writingEnvironment = { ...basic, ...scratchEnvironment(scratch) };
  const writing = {
    git: createGit(writingEnvironment, signal, clock),
    files: new GitFiles(createProgram('sh', writingEnvironment, signal, clock), join(parent, 'names')),
  };
  const commit: Commit = (tree, base, seconds) => {
    const dated = createGit({ ...basic, ...deterministicEnvironment(seconds) }, signal, clock);
    return commitTree(dated, scratch, tree, base);
  };
  try {
    const checkout = await findWorkingTree(git, options.directory);
    const { top, url, projectDirectory } = checkout;
    const excluded = options.excluded
      .map((path) => relative(top, path))
      .filter((path) => path !== '' && !path.startsWith('../') && path !== '..' && !isAbsolute(path));
    await makeScratch(git, checkout, scratch);
    const { tree, notes } = await writeTree(writing, top, excluded);
    const ancestors = await ancestorsOf(git, top);
    const sent = await sendTree(tree, ancestors, { git, scratch, commit, relay });
    const hasChanges = tree !== ancestors[0]?.tree;
    const head = await headOf(git, top);
    return {
      project: { type: 'snapshot', hash: sent.hash, url, project_directory: projectDirectory },
      hasChanges,
      revision: head === null ? null : { ...head, has_changes: hasChanges },
      bytesSent: sent.bytes,
      notes,
    };
  } finally {
    await removeTree(parent);
  }
}

interface Sending {
  readonly git: Git;
  readonly scratch: string;
  readonly commit: Commit;
  readonly relay: BundleRelay;
}

/** Sends the committed state first where the master lacks it, so that the next snapshot upon the same commit is small. */
async function sendTree(
  tree: string,
  ancestors: readonly Committed[],
  sending: Sending,
): Promise<{ hash: string; bytes: number }> {
  const { git, scratch, commit, relay } = sending;
  const head = ancestors[0];
  const base = await nearestKnown(ancestors, sending);
  let bytes = 0;
  const send = async (hash: string, upon: string | null): Promise<void> => {
    if ((await relay.chain(hash)).length === 0) {
      bytes += await sendBundle(git, scratch, { commit: hash, base: upon, refs: [] }, relay);
    }
  };
  let committed: string | null = null;
  if (head !== undefined) {
    const isThere = base === head.commit || base === deterministicCommit(head);
    committed = isThere ? base : await commit(head.tree, base, head.seconds);
    if (!isThere) {
      await send(committed, base);
    }
  }
  if (committed !== null && tree === head?.tree) {
    return { hash: committed, bytes };
  }
  const hash = await commit(tree, committed, head?.seconds ?? 0);
  await send(hash, committed);
  return { hash, bytes };
}

/**
 * The nearest ancestor, or snapshot commit of one, that the master has and upon which two more bundles can be built; null without
 * any. Creates the snapshot commit in the scratch repository.
 */
async function nearestKnown(
  ancestors: readonly Committed[],
  { relay, commit }: Sending,
): Promise<string | null> {
  const candidates = ancestors.flatMap((one) => [
    { hash: deterministicCommit(one), snapshotOf: one },
    { hash: one.commit, snapshotOf: null },
  ]);
  const has = new Set((await relay.known(candidates.map(({ hash }) => hash))).known);
  const nearest = candidates.find(({ hash }) => has.has(hash));
  if (nearest === undefined || (await relay.chain(nearest.hash)).length >= MAX_CHAIN) {
    return null;
  }
  const { hash, snapshotOf } = nearest;
  return snapshotOf === null ? hash : commit(snapshotOf.tree, null, snapshotOf.seconds);
}

async function commitTree(git: Git, scratch: string, tree: string, parent: string | null): Promise<string> {
  const upon = parent === null ? [] : ['-p', parent];
  const made = await git(
    scratch,
    '-c',
    'i18n.commitEncoding=UTF-8',
    'commit-tree',
    tree,
    ...upon,
    '-m',
    MESSAGE,
  );
  if (made.exitCode !== 0) {
    throw gitError('The snapshot could not be committed', made);
  }
  return made.stdout.trim();
}
