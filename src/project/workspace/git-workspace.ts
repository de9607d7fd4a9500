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
import { CommitSchema } from '../../protocol/bundle.js';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';
import { type BundleRelay, receiveCommit } from '../git/bundle-transfer.js';
import { changedPaths, commitNamed } from '../git/changed-paths.js';
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
import { saveIndexes } from './saved-indexes.js';
import { checkOutTree, type Placed, scratchOf, type TreeOptions } from './workspace-tree.js';

/** A root belongs to one process, so a mutex in memory suffices for its mirrors. */
const mirrors = new KeyedMutex();

export interface CheckOut {
  readonly git: Git;
  /** May only use the protocols that are allowed for submodules of the project. */
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
  /** null: everything is fetched from the origin. */
  readonly relay: BundleRelay | null;
  /** See WorkspaceOptions. */
  readonly warn: (message: string) => void;
}

export interface CheckedOut {
  readonly commit: string;
  readonly projectDirectory: string;
  /** The project first, then its submodules. */
  readonly sources: readonly CloneSource[];
  /** Whether the workspace can be kept for later builds. */
  readonly isReusable: boolean;
  /** See Workspace. */
  changedSince(since: string): Promise<string[]>;
}

/**
 * Checks the project out into `workspace`: a clone that borrows the objects of the mirror. A worktree of the mirror would cost
 * the same, but share refs and configuration, so that the next build would see a `git tag` or `git config` of this one.
 * Submodules are checked out in the same way, each from a mirror of its own.
 * @throws ClusterRunnerError PREPARATION_FAILED; for a snapshot also what the relay throws
 */
export async function checkOut(options: CheckOut): Promise<CheckedOut> {
  const { git, workspace, project } = options;
  const wanted = { ...options, originGit: git, wanted: project };
  const { commit, placed } = await withCommit(wanted, mirrorOf(options), async (source) => ({
    commit: source.commit,
    placed: await fill(options, source),
  }));
  const paths = placed.map(({ path }) => path);
  const isReusable = options.reuse && (await saveIndexes(workspace, paths));
  const sources = placed.map(({ source }) => source);
  const changedSince = async (since: string) => {
    const mirror = mirrorOf(options);
    const base = (await commitNamed(git, mirror, since)) ?? (await fetchNamed(wanted, mirror, since));
    return changedPaths(git, mirror, { since: base, commit, folder: project.project_directory ?? '' });
  };
  for (const path of paths) {
    if (await hasPointersOnly(git, join(workspace, path))) {
      options.warn(
        `Files of Git LFS are pointers in this checkout${path === '' ? '' : ` (in ${path})`}, because git is not set up for them; install git-lfs, and run \`git lfs install\` as the user who runs the slave.`,
      );
    }
  }
  const projectDirectory = await folderOf(workspace, project, commit);
  return { commit, sources, isReusable, changedSince, projectDirectory };
}

/** A mirror that had the commit of the build was not updated for it. @throws ClusterRunnerError PREPARATION_FAILED */
async function fetchNamed({ git, originGit, wanted }: Wanted, mirror: string, name: string): Promise<string> {
  if (wanted.type === 'git') {
    await mirrors.run(mirror, () => updateMirror(originGit, mirror, wanted));
  }
  const commit = await commitNamed(git, mirror, name);
  if (commit === null) {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The repository has no branch, tag or commit "${name}", which the build names as \`since\`; check it, or push it.`,
    );
  }
  return commit;
}

/** Snapshots have a mirror of their own: in the mirror of the repository, the next fetch would prune them. */
function mirrorOf({ root, project }: Pick<CheckOut, 'root' | 'project'>): string {
  return mirrorPath(root, project.type === 'git' ? project.url : `snapshot:${project.url ?? ''}`);
}

/** Reuses an idle workspace of the same repository, if there is one that can be made clean. */
async function fill(options: CheckOut, source: CloneSource): Promise<Placed[]> {
  const { git, workspace, reuse, root, warn } = options;
  const clear = async (path: string) => {
    const message = await clearPlace(root, path);
    if (message !== null) {
      warn(message);
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
      const placed = await checkOutTree(tree, source, indexesIn(idle)).catch(nullIfUnremovable);
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

/** An idle workspace with a folder that cannot be removed is not used. */
function nullIfUnremovable(error: unknown): null {
  if (error instanceof TreeRemains) {
    return null;
  }
  throw error;
}

/** A failure is only logged: a new workspace can be created. */
async function takeUsed({ root, project, workspace, warn }: CheckOut, idle: string): Promise<boolean> {
  try {
    return await takeIdle(root, projectName(root, project), idle, workspace);
  } catch (error) {
    if (errorCode(error) !== undefined) {
      warn(`No idle checkout could be reused, so a new one is created: ${messageOf(error)}`);
      return false;
    }
    throw error;
  }
}

/** Uses the mirror of the submodule's URL, which a project of that URL uses too. */
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
    // Checked here and not left to git, since the mirror may exist for another project.
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      "its address is not fetched: only projects from the slave's own disk may use files there (transport 'file' not allowed).",
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
  // The first slave never finds the commits of submodules at the master.
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
  /** For the origin; `git` is for the mirrors and bundles of this slave. */
  readonly originGit: Git;
  readonly wanted: GitProject | SnapshotProject;
}

/** Calls `use` with the commit in its mirror. A mirror that turns out to be damaged is created again, once. */
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

/** After a failure nothing is left on the disk: neither a partial pack, nor a new mirror. */
async function bringOrClear(options: Wanted, mirror: string): Promise<string> {
  const isNew = !existsSync(join(mirror, 'HEAD'));
  try {
    return await bringCommit(options, mirror);
  } catch (error) {
    await (isNew ? removeTree(mirror) : clearUnfinished(mirror));
    throw error;
  }
}

/** Brings the commit into the mirror, and resolves with its hash. */
async function bringCommit({ git, originGit, wanted, relay, warn }: Wanted, mirror: string): Promise<string> {
  const { hash } = wanted;
  if (hash !== null && relay !== null && Value.Check(CommitSchema, hash)) {
    // Another build may have fetched it while this one waited for the mutex.
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
    warn(`Commit ${hash} is fetched from the origin: ${problem.message}`);
    if (problem instanceof DamagedMirrorError) {
      await removeTree(mirror);
    }
  }
  if (wanted.type === 'snapshot') {
    throw new ClusterRunnerError('PREPARATION_FAILED', 'Only the master has the files of a snapshot.');
  }
  return updateMirror(originGit, mirror, wanted);
}

/** Snapshots of a repository have nearly its files, so both reuse each other's workspaces. */
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
  const message = `The master does not have the files of commit ${hash} (any more)`;
  return new ClusterRunnerError(
    'PREPARATION_FAILED',
    type === 'snapshot' ? `${message}; run the build again.` : `${message}.`,
  );
}

export async function makeRoot(root: string): Promise<string> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  for (const name of ['mirrors', 'builds']) {
    await ensureOwnFolder(root, join(root, name));
  }
  // For GIT_CEILING_DIRECTORIES, which git compares with real paths.
  return realpath(root);
}
