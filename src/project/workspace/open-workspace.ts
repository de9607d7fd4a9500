import { isAbsolute, join } from 'node:path';
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
import { createGit, createProgram } from '../git/git.js';
import { type Credentials, splitCredentials } from '../git/git-credentials.js';
import { gitEnvironment } from '../git/git-environment.js';
import { DiskFullError } from '../git/git-errors.js';
import { revisionOfCommit, revisionOfFolder } from '../git/read-revision.js';
import { GIT_PROTOCOLS, submoduleProtocols, validateGitArgs } from '../git/validate-git-args.js';
import { type DownloadOptions, downloadRemoteFiles, type RemoteFileLimits } from '../remote-files.js';
import { checkOut, makeRoot, projectName } from './git-workspace.js';
import { putIdle, removeIdle } from './idle-workspaces.js';
import { isFolder } from './path-containment.js';
import { indexesOf } from './saved-indexes.js';

/** The preparation waits for it, and it is only shown. */
const REVISION_MS = 10_000;

const MOST_NAMES = 10;

export interface WorkspaceOptions<P extends Project = Project> {
  readonly project: P;
  readonly remoteFiles: readonly RemoteFile[];
  readonly buildId: BuildId;
  /** Claimed by this process alone: mirrors are kept in it between builds, and the builds' workspaces. */
  readonly root: string;
  readonly gitStrictHostKeyChecking: boolean;
  /** How many workspaces of ended builds stay for later ones; see idle-workspaces.ts. */
  readonly workspacesKept: number;
  /** The environment that git begins with (HOME, PATH, proxies); what would lead it astray is taken out. */
  readonly env: Readonly<Record<string, string>>;
  /** Asked for the commit before the repository is; null: it is not asked. */
  readonly relay: BundleRelay | null;
  /** Is told in a sentence what did not go as it should, but went. */
  readonly warn: (sentence: string) => void;
  readonly remoteFileLimits: RemoteFileLimits;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: () => number;
}

export interface Workspace {
  /** Absolute and real: holds clusterrunner.yaml, and is the PROJECT_DIR of commands. */
  readonly projectDirectory: string;
  /** Absolute and real: where the project is checked out, in a folder of the slave's own; null for a directory. */
  readonly checkout: string | null;
  /** The commit that is checked out; null for a directory. */
  readonly commit: string | null;
  /** What is checked out, for people; null when it is not known here, as of a snapshot. */
  revision(): Promise<Revision | null>;
  /** Gives the master the commits for other slaves that came from repositories, if any may want them. */
  share(relay: BundleRelay): Promise<void>;
  /**
   * Removes what was made for this build alone, or puts it where only later builds find it. May be called again. No
   * process of the build may run any more.
   */
  release(): Promise<void>;
}

/**
 * Brings a project's files, and the build's remote files, to this machine.
 *
 * Remote files go into the project directory. For git they vanish with the workspace. A directory is the user's:
 * there they stay, since taking them away could take away what stood under that name before.
 *
 * @throws ClusterRunnerError PREPARATION_FAILED with a sentence for the build's owner; DiskFullError; the reason of `signal`
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
    options.warn(`The checkouts of ended builds were removed to make room: ${error.message}`);
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
  // Also for what works on files alone: filters such as LFS ask the host of the repository.
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
    const { commit, projectDirectory, sources, mayStay } = await checkOut(checkout);
    await downloadRemoteFiles(options.remoteFiles, projectDirectory, downloading(options));
    // A snapshot came from the master, but its submodules did not.
    const shared = project.type === 'git' ? sources : sources.slice(1);
    const share = (relay: BundleRelay) => sendCommits(git, shared, relay);
    const release = async () => {
      if (mayStay) {
        const limits = { count: workspacesKept, clock };
        // What cannot be kept is removed like any other: a build must not fail of it.
        await putIdle(root, projectName(root, project), workspace, limits, warn).catch((error: unknown) =>
          warn(`The checkout of build ${options.buildId} is not kept for later ones: ${messageOf(error)}`),
        );
      }
      await removeWorkspace(workspace, clear);
    };
    const mirror = sources[0]?.mirror;
    const revision = async () =>
      project.type === 'git' && mirror !== undefined ? revisionOfCommit(git, mirror, commit, project) : null;
    return { projectDirectory, checkout: workspace, commit, revision, share, release };
  } catch (error) {
    await removeWorkspace(workspace, clear);
    throw error;
  }
}

/** Removes, or moves aside; false when neither can be done. */
type Clear = (path: string) => Promise<boolean>;

function clearing(root: string, warn: (sentence: string) => void): Clear {
  return async (path) => {
    try {
      const sentence = await clearPlace(root, path);
      if (sentence !== null) {
        warn(sentence);
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

/** Of an earlier build of the same number, at another master, something may be there that nothing can remove or move. */
async function freeWorkspace(root: string, id: BuildId, clear: Clear): Promise<string> {
  for (let number = 1; number <= MOST_NAMES; number += 1) {
    const workspace = join(root, 'builds', number === 1 ? String(id) : `${id}-${number}`);
    if (await removeWorkspace(workspace, clear)) {
      return workspace;
    }
  }
  throw new Error(`Nothing in ${join(root, 'builds')} can be removed; look there.`);
}

function downloading({ remoteFileLimits: limits, signal, clock, random }: WorkspaceOptions): DownloadOptions {
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
  // It only looks: the index of the user's checkout stays as it is.
  const looking = { ...gitEnvironment(env, gitStrictHostKeyChecking, []), GIT_OPTIONAL_LOCKS: '0' };
  const git = createGit(looking, signal, clock, REVISION_MS);
  return {
    projectDirectory: folder,
    checkout: null,
    commit: null,
    revision: () => revisionOfFolder(git, folder),
    share: async () => undefined,
    release: () => Promise.resolve(),
  };
}
