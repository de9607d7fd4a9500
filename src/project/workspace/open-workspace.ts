import { isAbsolute, join, relative } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { clearPlace } from '../../lib/fs/set-aside.js';
import type {
  DirectoryProject,
  GitProject,
  Project,
  RemoteFile,
  SnapshotProject,
} from '../../protocol/build/project.js';
import type { Revision } from '../../protocol/build/revision.js';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';
import type { BuildId } from '../../protocol/ids.js';
import { type BundleRelay, sendCommits } from '../git/bundle-transfer.js';
import { type CommittedTree, readCommittedTree, TREE_BYTES } from '../git/committed-tree.js';
import { createGit, createProgram } from '../git/git.js';
import { type Credentials, splitCredentials } from '../git/git-credentials.js';
import { gitEnvironment } from '../git/git-environment.js';
import { DiskFullError } from '../git/git-errors.js';
import { revisionOfCommit, revisionOfFolder } from '../git/read-revision.js';
import { GIT_PROTOCOLS, submoduleProtocols, validateGitArgs } from '../git/validate-git-args.js';
import { downloadRemoteFiles, type RemoteFileLimits, type RemoteFileOptions } from '../remote-files.js';
import { checkOut, makeRoot, projectName } from './git-workspace.js';
import { putIdle, removeIdle } from './idle-workspaces.js';
import { isFolder } from './path-containment.js';
import { indexesOf } from './saved-indexes.js';

/** The preparation waits for the revision, which is only shown. */
const REVISION_MS = 10_000;

/** Only reads a local repository. */
const TREE_MS = 5 * 60_000;

const MOST_NAMES = 10;

export interface WorkspaceOptions<P extends Project = Project> {
  readonly project: P;
  readonly remoteFiles: readonly RemoteFile[];
  readonly buildId: BuildId;
  /** A directory that only this process uses, for mirrors and workspaces. */
  readonly root: string;
  readonly gitStrictHostKeyChecking: boolean;
  /** How many workspaces of ended builds are kept; see idle-workspaces.ts. */
  readonly workspacesKept: number;
  /** The base of git's environment; see gitEnvironment. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the commit is looked for before the repository; null: only the repository has it. */
  readonly relay: BundleRelay | null;
  /** Gets messages about problems that did not keep the workspace from being opened or released. */
  readonly warn: (message: string) => void;
  readonly remoteFileLimits: RemoteFileLimits;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: () => number;
}

export interface Workspace {
  /** An absolute real path: the folder with clusterrunner.yaml, PROJECT_DIR of commands. */
  readonly projectDirectory: string;
  /** An absolute real path: the checkout, in the slave's own directory; null for a directory project. */
  readonly checkout: string | null;
  /** The commit that is checked out; null for a directory project. */
  readonly commit: string | null;
  /** The checked-out revision, for people; null when unknown, such as for a snapshot. */
  revision(): Promise<Revision | null>;
  /**
   * The files that have changed since a branch, tag or commit of the repository, relative to `projectDirectory`; those
   * outside of it begin with `../`.
   * @throws ClusterRunnerError PREPARATION_FAILED when they cannot be found, and where there is no repository
   */
  changedSince(since: string): Promise<string[]>;
  /** The files of the commit as git has them, whatever became of the checkout; null for a directory project. */
  tree(): Promise<CommittedTree | null>;
  /** Passes the commits that came from repositories on to the master, if other slaves may need them. */
  share(relay: BundleRelay): Promise<void>;
  /**
   * Removes the workspace, or keeps it for later builds. To be called when no process of the build runs any more; may be called
   * twice.
   */
  release(): Promise<void>;
}

/**
 * Brings a project's files, and the build's remote files, to this machine.
 *
 * Remote files go into the project directory. They are removed with the workspace of a git project. In a directory project
 * they stay: removing them could remove files that existed under these names before.
 *
 * @throws ClusterRunnerError PREPARATION_FAILED with a message for the build's owner; DiskFullError; the reason of `signal`
 *   when it is aborted. Nothing of the workspace is left then.
 */
export async function openWorkspace(options: WorkspaceOptions): Promise<Workspace> {
  options.signal.throwIfAborted();
  const { project } = options;
  return project.type === 'directory'
    ? openDirectory({ ...options, project })
    : openGit({ ...options, project });
}

async function openGit(options: WorkspaceOptions<GitProject | SnapshotProject>): Promise<Workspace> {
  validateGitArgs(options.project);
  const root = await makeRoot(options.root);
  try {
    return await openGitIn(root, options);
  } catch (error) {
    if (!(error instanceof DiskFullError) || !(await removeIdle(root, options.warn))) {
      throw error;
    }
    options.warn(`The checkouts of ended builds were removed to free space: ${error.message}`);
    return await openGitIn(root, options);
  }
}

async function openGitIn(
  root: string,
  options: WorkspaceOptions<GitProject | SnapshotProject>,
): Promise<Workspace> {
  const { signal, clock } = options;
  const { url, credentials } =
    options.project.url === null ? { url: null, credentials: null } : splitCredentials(options.project.url);
  const project: GitProject | SnapshotProject =
    options.project.type === 'git' ? { ...options.project, url: url ?? '' } : { ...options.project, url };
  const ceilings = [join(root, 'builds'), join(root, 'mirrors')];
  const environment = (protocols: readonly string[], given: Credentials | null = null) =>
    gitEnvironment(options.env, options.gitStrictHostKeyChecking, ceilings, protocols, given);
  // Local commands need the credentials too: filters such as LFS contact the host of the repository.
  const git = createGit(environment(GIT_PROTOCOLS, credentials), signal, clock);
  const submoduleGit = (given: Credentials | null) =>
    createGit(environment(submoduleProtocols(project.url), given), signal, clock);
  const shell = createProgram('sh', environment([]), signal, clock);
  const clear = clearing(root, options.warn);
  const workspace = await freeWorkspace(root, options.buildId, clear);
  try {
    const { relay, warn, workspacesKept } = options;
    const reuse = workspacesKept > 0;
    const checkout = { git, submoduleGit, shell, root, workspace, project, credentials, relay, warn, reuse };
    const { commit, projectDirectory, sources, isReusable, changedSince } = await checkOut(checkout);
    await downloadRemoteFiles(options.remoteFiles, projectDirectory, downloading(options));
    // A snapshot came from the master, but its submodules did not.
    const shared = project.type === 'git' ? sources : sources.slice(1);
    const share = (relay: BundleRelay) => sendCommits(git, shared, relay);
    const release = async () => {
      if (isReusable) {
        const limits = { count: workspacesKept, clock };
        // When it cannot be kept it is removed: that must not fail a build.
        await putIdle(root, projectName(root, project), workspace, limits, warn).catch((error: unknown) =>
          warn(`The checkout of build ${options.buildId} is not kept for later ones: ${messageOf(error)}`),
        );
      }
      await removeWorkspace(workspace, clear);
    };
    const mirror = sources[0]?.mirror;
    const tree = async () => {
      const listing = createGit(environment([]), signal, clock, TREE_MS, TREE_BYTES);
      return readCommittedTree(listing, mirror ?? workspace, commit, relative(workspace, projectDirectory));
    };
    const revision = async () =>
      project.type === 'git' && mirror !== undefined ? revisionOfCommit(git, mirror, commit, project) : null;
    return { projectDirectory, checkout: workspace, commit, revision, changedSince, tree, share, release };
  } catch (error) {
    await removeWorkspace(workspace, clear);
    throw error;
  }
}

/** Removes a tree, or sets it aside; resolves with false when neither is possible. */
type Clear = (path: string) => Promise<boolean>;

function clearing(root: string, warn: (message: string) => void): Clear {
  return async (path) => {
    try {
      const message = await clearPlace(root, path);
      if (message !== null) {
        warn(message);
      }
      return true;
    } catch (error) {
      warn(messageOf(error));
      return false;
    }
  };
}

async function removeWorkspace(workspace: string, clear: Clear): Promise<boolean> {
  const cleared = [];
  for (const path of [workspace, indexesOf(workspace), `${workspace}.idle`]) {
    cleared.push(await clear(path));
  }
  return !cleared.includes(false);
}

/** An earlier build of the same number, at another master, may have left files that nothing can remove or move. */
async function freeWorkspace(root: string, id: BuildId, clear: Clear): Promise<string> {
  for (let number = 1; number <= MOST_NAMES; number += 1) {
    const workspace = join(root, 'builds', number === 1 ? String(id) : `${id}-${number}`);
    if (await removeWorkspace(workspace, clear)) {
      return workspace;
    }
  }
  throw new Error(`Nothing in ${join(root, 'builds')} can be removed; look there.`);
}

function downloading({
  remoteFileLimits: limits,
  signal,
  clock,
  random,
}: WorkspaceOptions): RemoteFileOptions {
  return { limits, signal, clock, random };
}

async function openDirectory(options: WorkspaceOptions<DirectoryProject>): Promise<Workspace> {
  const { project_directory: folder } = options.project;
  if (!isAbsolute(folder)) {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The project directory "${folder}" is not absolute; slaves do not know the folder it starts from.`,
    );
  }
  if (!(await isFolder(folder))) {
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `The project directory ${folder} is not a folder on this slave; every slave must have it under this path.`,
    );
  }
  await downloadRemoteFiles(options.remoteFiles, folder, downloading(options));
  const { env, gitStrictHostKeyChecking, signal, clock } = options;
  // Read-only: the index of the user's checkout does not change.
  const readOnly = { ...gitEnvironment(env, gitStrictHostKeyChecking, []), GIT_OPTIONAL_LOCKS: '0' };
  const git = createGit(readOnly, signal, clock, REVISION_MS);
  return {
    projectDirectory: folder,
    checkout: null,
    commit: null,
    revision: () => revisionOfFolder(git, folder),
    changedSince: () =>
      Promise.reject(
        new ClusterRunnerError(
          'PREPARATION_FAILED',
          'Files that have changed since a commit are found for builds of type "git" only; send `changed_files` instead.',
        ),
      ),
    tree: () => Promise.resolve(null),
    share: async () => undefined,
    release: () => Promise.resolve(),
  };
}
