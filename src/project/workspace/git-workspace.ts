import { existsSync } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Value } from '@sinclair/typebox/value';
import { KeyedMutex } from '../../lib/async/keyed-mutex.js';
import { errorCode } from '../../lib/error-code.js';
import { ensureOwnFolder } from '../../lib/fs/own-folder.js';
import { removeTree, TreeRemains } from '../../lib/fs/remove-tree.js';
import { clearPlace } from '../../lib/fs/set-aside.js';
import type { GitProject, SnapshotProject } from '../../protocol/build/project.js';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';
import { CommitSchema } from '../../protocol/pack.js';
import { type BundleRelay, receiveCommit } from '../git/bundle-transfer.js';
import type { CloneSource } from '../git/clone.js';
import type { Git, Program } from '../git/git.js';
import { type Credentials, splitCredentials } from '../git/git-credentials.js';
import { DamagedMirrorError, DiskFullError } from '../git/git-errors.js';
import { hasPointersOnly } from '../git/lfs.js';
import {
  clearUnfinished,
  findCommit,
  makeMirror,
  markUsed,
  mirrorPath,
  updateMirror,
} from '../git/mirror.js';
import type { Submodule } from '../git/submodules.js';
import { checkUrl, insideFolder, isAllowedInSubmodules } from '../git/validate-git-args.js';
import { indexesIn, takeIdle } from './idle-workspaces.js';
import { isFolder, isReallyInside } from './path-containment.js';
import { isPristine } from './pristine-check.js';
import { recordFiles } from './saved-indexes.js';
import { checkOutTree, type Placed, scratchOf, type TreeOptions } from './workspace-tree.js';

/** A root belongs to one process, so a queue in memory is lock enough for its mirrors. */
const mirrors = new KeyedMutex();

export interface CheckOut {
  readonly git: Git;
  /** Reaches what the project's submodules may be fetched from, and no more. */
  readonly submoduleGit: (credentials: Credentials | null) => Git;
  /** Runs `sh`. */
  readonly shell: Program;
  readonly root: string;
  readonly workspace: string;
  /** Its URL is without credentials. */
  readonly project: GitProject | SnapshotProject;
  readonly credentials: Credentials | null;
  /** Whether workspaces of earlier builds are used, and this one may be. */
  readonly reuse: boolean;
  /** null: the origin is asked for everything. */
  readonly relay: BundleRelay | null;
  /** Is told what did not go as it should, but went. */
  readonly warn: (sentence: string) => void;
}

export interface CheckedOut {
  readonly commit: string;
  readonly projectDirectory: string;
  /** Of the project and of its submodules, the project's first. */
  readonly sources: readonly CloneSource[];
  /** Whether the workspace can be put among the idle ones. */
  readonly mayStay: boolean;
}

/**
 * Checks the project out into `workspace`: a clone of its own that borrows the objects of the mirror. A worktree
 * of the mirror costs the same but shares refs and configuration, so that one build's `git tag` or `git config`
 * would be seen by the next. Submodules are had in the same way, each from a mirror of its own.
 * @throws ClusterRunnerError PREPARATION_FAILED; of a snapshot also what the relay throws
 */
export async function checkOut(options: CheckOut): Promise<CheckedOut> {
  const { git, workspace, project } = options;
  const wanted = { ...options, originGit: git, wanted: project };
  const { commit, placed } = await withCommit(wanted, mirrorOf(options), async (source) => ({
    commit: source.commit,
    placed: await fill(options, source),
  }));
  const paths = placed.map(({ path }) => path);
  const mayStay = options.reuse && (await recordFiles(workspace, paths));
  const sources = placed.map(({ source }) => source);
  for (const path of paths) {
    if (await hasPointersOnly(git, join(workspace, path))) {
      options.warn(
        `Files of Git LFS are pointers in this checkout${path === '' ? '' : ` (in ${path})`}, because git is not set up for them; install git-lfs, and run \`git lfs install\` as the user who runs the slave.`,
      );
    }
  }
  return { commit, sources, mayStay, projectDirectory: await folderOf(workspace, project, commit) };
}

/** Snapshots have a mirror of their own: a repository's would lose them at its next fetch. */
function mirrorOf({ root, project }: Pick<CheckOut, 'root' | 'project'>): string {
  return mirrorPath(root, project.type === 'git' ? project.url : `snapshot:${project.url ?? ''}`);
}

/** By way of an idle workspace of the same repository, if there is one that can be made clean. */
async function fill(options: CheckOut, source: CloneSource): Promise<Placed[]> {
  const { git, workspace, reuse, root, warn } = options;
  const clear = async (path: string) => {
    const sentence = await clearPlace(root, path);
    if (sentence !== null) {
      warn(sentence);
    }
  };
  const tree: TreeOptions = {
    git,
    workspace,
    withSubmodule: (submodule, above, use) => withSubmodule(options, submodule, above, use),
  };
  const idle = `${workspace}.idle`;
  try {
    if (reuse && (await takeUsed(options, idle))) {
      const placed = await checkOutTree(tree, source, indexesIn(idle)).catch(nullIfItStays);
      const paths = placed?.map(({ path }) => path) ?? [];
      if (placed !== null && (await isPristine(workspace, paths, options.shell, scratchOf(workspace)))) {
        return placed;
      }
      await clear(workspace);
      await clear(scratchOf(workspace));
    }
    const placed = await checkOutTree(tree, source, null);
    if (placed === null) {
      throw new Error('A new workspace cannot be unclean.');
    }
    return placed;
  } finally {
    await clear(idle);
  }
}

/** A folder of the used checkout that cannot be removed makes it one that cannot be used. */
function nullIfItStays(error: unknown): null {
  if (error instanceof TreeRemains) {
    return null;
  }
  throw error;
}

/** One that cannot be taken is no reason to fail: a new one can be made. */
async function takeUsed({ root, project, workspace, warn }: CheckOut, idle: string): Promise<boolean> {
  try {
    return await takeIdle(root, projectName(root, project), idle, workspace);
  } catch (error) {
    if (errorCode(error) !== undefined) {
      warn(`No used checkout could be taken, so a new one is made: ${messageOf(error)}`);
      return false;
    }
    throw error;
  }
}

/** From a mirror of its own, which is that of the project of the same address too. */
async function withSubmodule(
  options: CheckOut,
  submodule: Submodule,
  above: Credentials | null,
  use: (source: CloneSource) => Promise<void>,
): Promise<CloneSource> {
  checkUrl(submodule.url);
  const { commit } = submodule;
  const { url, credentials: own } = splitCredentials(submodule.url);
  const credentials = own ?? above;
  if (!isAllowedInSubmodules(url, options.project.url)) {
    // The mirror may be there, because another project may have it: so git is not asked.
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      "its address is not fetched, since a file of the slave is only for projects that are on it too (transport 'file' not allowed).",
    );
  }
  const wanted = {
    type: 'git',
    url,
    remote: 'origin',
    branch: null,
    hash: commit,
    project_directory: null,
  } as const;
  const { git, submoduleGit, relay, root } = options;
  const originGit = submoduleGit(credentials);
  // Nobody expects the first slave to find it there.
  const warn = () => undefined;
  return withCommit(
    { git, originGit, relay, warn, wanted, credentials },
    mirrorPath(root, url),
    async (source) => {
      await use(source);
      return source;
    },
  );
}

interface Wanted extends Pick<CheckOut, 'git' | 'relay' | 'warn' | 'credentials'> {
  /** Reaches the origin; `git` the mirrors and bundles of this slave. */
  readonly originGit: Git;
  readonly wanted: GitProject | SnapshotProject;
}

/** Has `use` work with the commit in its mirror. One that turns out to be damaged is dropped, and made again once. */
async function withCommit<T>(
  options: Wanted,
  mirror: string,
  use: (source: CloneSource) => Promise<T>,
): Promise<T> {
  const { git, wanted, credentials } = options;
  const once = async () => {
    const known = wanted.hash === null ? null : await findCommit(git, mirror, wanted.hash);
    const commit = known ?? (await mirrors.run(mirror, () => bringOrClear(options, mirror)));
    await markUsed(mirror);
    const remote = wanted.type === 'git' ? wanted.remote : 'origin';
    return use({ mirror, commit, url: wanted.url, remote, credentials });
  };
  try {
    return await once();
  } catch (error) {
    if (!(error instanceof DamagedMirrorError)) {
      throw error;
    }
    await mirrors.run(mirror, () => removeTree(mirror));
    return await once();
  }
}

/** What has failed leaves nothing that takes room: neither half a pack, nor a mirror that has nothing else. */
async function bringOrClear(options: Wanted, mirror: string): Promise<string> {
  const isNew = !existsSync(join(mirror, 'HEAD'));
  try {
    return await bringCommit(options, mirror);
  } catch (error) {
    await (isNew ? removeTree(mirror) : clearUnfinished(mirror));
    throw error;
  }
}

/** Resolves with the commit, which the mirror has then. */
async function bringCommit({ git, originGit, wanted, relay, warn }: Wanted, mirror: string): Promise<string> {
  const { hash } = wanted;
  if (hash !== null && relay !== null && Value.Check(CommitSchema, hash)) {
    // It may have come while this build waited for its turn.
    const known = await findCommit(git, mirror, hash);
    if (known !== null) {
      return known;
    }
    await makeMirror(git, mirror, ...(hash.length === 64 ? ['--object-format=sha256'] : []));
    const problem = await receiveCommit(git, mirror, hash, relay).then(
      (has) => (has ? null : notThere(hash, wanted)),
      (error: unknown) => error,
    );
    if (problem === null) {
      return hash;
    }
    if (
      wanted.type === 'snapshot' ||
      problem instanceof DiskFullError ||
      !(problem instanceof ClusterRunnerError)
    ) {
      throw problem;
    }
    warn(`The origin is asked for commit ${hash}: ${problem.message}`);
    if (problem instanceof DamagedMirrorError) {
      await removeTree(mirror);
    }
  }
  if (wanted.type === 'snapshot') {
    throw new ClusterRunnerError('PREPARATION_FAILED', 'A snapshot can only be had from a master.');
  }
  return updateMirror(originGit, mirror, wanted);
}

/** Snapshots of a repository have nearly the files that it has, so both can use the workspaces of the other. */
export function projectName(root: string, project: CheckOut['project']): string {
  return basename(mirrorPath(root, project.url ?? 'snapshot:'));
}

async function folderOf(workspace: string, project: CheckOut['project'], commit: string): Promise<string> {
  const name = project.project_directory ?? '.';
  const folder = join(workspace, insideFolder(name) ?? '.');
  if (!(await isFolder(folder))) {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The repository has no folder "${name}" at commit ${commit}; check the project directory.`,
    );
  }
  if (!(await isReallyInside(workspace, folder))) {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The project directory "${name}" is a link that leads out of the repository; give a folder in it.`,
    );
  }
  return realpath(folder);
}

function notThere(hash: string, { type }: Wanted['wanted']): ClusterRunnerError {
  const sentence = `The master does not have the files of commit ${hash} (any more)`;
  return new ClusterRunnerError(
    'PREPARATION_FAILED',
    type === 'snapshot' ? `${sentence}; run the build again.` : `${sentence}.`,
  );
}

export async function makeRoot(root: string): Promise<string> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  for (const name of ['mirrors', 'builds']) {
    await ensureOwnFolder(root, join(root, name));
  }
  // Git compares real paths when it decides where to stop looking for a repository.
  return realpath(root);
}
