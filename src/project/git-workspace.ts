import { existsSync } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Value } from '@sinclair/typebox/value';
import { QueueByKey } from '../lib/queue-by-key.js';
import { removeTree } from '../lib/remove-tree.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import { CommitSchema } from '../protocol/pack.js';
import type { GitProject, SnapshotProject } from '../protocol/project.js';
import { type Clone, cloneCold, cloneWarm, noteFiles } from './clone.js';
import type { Git } from './git.js';
import { DamagedMirror, failed } from './git-errors.js';
import { insideFolder } from './git-names.js';
import { takeIdle } from './idle-workspaces.js';
import { isFolder, isReallyInside } from './inside-workspace.js';
import { findCommit, makeMirror, mirrorPath, updateMirror } from './mirror.js';
import { type PackRelay, receiveCommit } from './pack-relay.js';

/** A root belongs to one process, so a queue in memory is lock enough for its mirrors. */
const mirrors = new QueueByKey();

/** `--checkout`: whatever a setting says how they are updated. */
const SUBMODULES = 'submodule --quiet update --init --recursive --force --checkout'.split(' ');

export interface CheckOut {
  readonly git: Git;
  /** Reaches what the project's submodules may be fetched from, and no more. */
  readonly submoduleGit: Git;
  readonly root: string;
  readonly workspace: string;
  readonly project: GitProject | SnapshotProject;
  /** Whether workspaces of earlier builds are used, and this one may be. */
  readonly reuse: boolean;
  /** null: the origin is asked for everything. */
  readonly relay: PackRelay | null;
  /** Is told what did not go as it should, but went. */
  readonly warn: (sentence: string) => void;
}

export interface CheckedOut {
  readonly commit: string;
  readonly projectDirectory: string;
  /** Whether the workspace can be put among the idle ones. */
  readonly mayStay: boolean;
}

/**
 * Checks the project out into `workspace`: a clone of its own that borrows the objects of the mirror. A worktree
 * of the mirror costs the same but shares refs and configuration, so that one build's `git tag` or `git config`
 * would be seen by the next.
 * @throws ClusterRunnerError PREPARATION_FAILED; of a snapshot also what the relay throws
 */
export async function checkOut(options: CheckOut): Promise<CheckedOut> {
  const { git, workspace, project } = options;
  const mirror = mirrorOf(options);
  const once = async () => {
    await removeTree(workspace);
    const known = project.hash === null ? null : await findCommit(git, mirror, project.hash);
    const commit = known ?? (await mirrors.run(mirror, () => bringCommit(options, mirror)));
    await clone(options, { git, mirror, workspace, project, commit });
    return commit;
  };
  let commit: string;
  try {
    commit = await once();
  } catch (error) {
    if (!(error instanceof DamagedMirror)) {
      throw error;
    }
    await mirrors.run(mirror, () => removeTree(mirror));
    commit = await once();
  }
  const mayStay = options.reuse && (await noteFiles(workspace));
  await updateSubmodules(options.submoduleGit, workspace);
  return { commit, mayStay, projectDirectory: await folderOf(workspace, project, commit) };
}

/** Snapshots have a mirror of their own: a repository's would lose them at its next fetch. */
export function mirrorOf({ root, project }: Pick<CheckOut, 'root' | 'project'>): string {
  return mirrorPath(root, project.type === 'git' ? project.url : `snapshot:${project.url ?? ''}`);
}

/** Resolves with the commit, which the mirror has then. */
async function bringCommit({ git, project, relay, warn }: CheckOut, mirror: string): Promise<string> {
  const { hash } = project;
  if (hash !== null && relay !== null && Value.Check(CommitSchema, hash)) {
    // It may have come while this build waited for its turn.
    const known = await findCommit(git, mirror, hash);
    if (known !== null) {
      return known;
    }
    await makeMirror(git, mirror, ...(hash.length === 64 ? ['--object-format=sha256'] : []));
    const problem = await receiveCommit(git, mirror, hash, relay).then(
      (has) => (has ? null : notThere(hash)),
      (error: unknown) => error,
    );
    if (problem === null) {
      return hash;
    }
    if (project.type === 'snapshot' || !(problem instanceof ClusterRunnerError)) {
      throw problem;
    }
    warn(`Commit ${hash} was not to be had from the master, so the origin is asked: ${problem.message}`);
    if (problem instanceof DamagedMirror) {
      await removeTree(mirror);
    }
  }
  if (project.type === 'snapshot') {
    throw new ClusterRunnerError('PREPARATION_FAILED', 'A snapshot can only be had from a master.');
  }
  return updateMirror(git, mirror, project);
}

/** By way of an idle workspace of the same repository, if there is one that can be made clean. */
async function clone({ root, workspace, project, reuse }: CheckOut, clone: Clone): Promise<void> {
  const idle = `${workspace}.idle`;
  await removeTree(idle);
  if (reuse && (await takeIdle(root, projectName(root, project), idle))) {
    if (await cloneWarm(clone, idle)) {
      return;
    }
    await removeTree(workspace);
  }
  await cloneCold(clone);
}

/** Snapshots of a repository have nearly the files that it has, so both can use the workspaces of the other. */
export function projectName(root: string, project: CheckOut['project']): string {
  return basename(mirrorPath(root, project.url ?? 'snapshot:'));
}

async function updateSubmodules(git: Git, workspace: string): Promise<void> {
  if (!existsSync(join(workspace, '.gitmodules'))) {
    return;
  }
  const updated = await git(workspace, ...SUBMODULES);
  if (updated.exitCode !== 0) {
    const sentence = /transport '\w+' not allowed/.test(updated.stderr)
      ? 'A submodule is not fetched, because its address uses a protocol that is not allowed; a file of the slave is only for projects that are on it too'
      : 'A submodule could not be fetched';
    throw new ClusterRunnerError('PREPARATION_FAILED', failed(sentence, updated).message);
  }
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

function notThere(hash: string): ClusterRunnerError {
  return new ClusterRunnerError(
    'PREPARATION_FAILED',
    `The master does not have the files of commit ${hash} (any more); run the build again.`,
  );
}

export async function makeRoot(root: string): Promise<string> {
  await mkdir(join(root, 'mirrors'), { recursive: true, mode: 0o700 });
  await mkdir(join(root, 'builds'), { recursive: true, mode: 0o700 });
  // Git compares real paths when it decides where to stop looking for a repository.
  return realpath(root);
}
