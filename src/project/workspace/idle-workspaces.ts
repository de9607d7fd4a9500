import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { ifPresentAsync } from '../../lib/error-code.js';
import { freeDiskBytes } from '../../lib/fs/free-space.js';
import { clearPlace } from '../../lib/fs/set-aside.js';
import { isDirectoryInUse } from '../../process/containment/directory-in-use.js';
import { messageOf } from '../../protocol/errors.js';
import { indexesOf } from './saved-indexes.js';

/*
 * Workspaces of ended builds, `idle/<project>.<uuid>/`. Each holds the checkout as the build left it (`tree`), and the indexes
 * that git wrote for it and its submodules before anything of the project ran (`indexes`). With those, git finds every
 * changed file: no program can set back the change time (ctime) of a file.
 */

const UNUSED_MS = 7 * 24 * 3600 * 1000;
/** With less free space, no workspace is kept: builds need it. */
const MIN_FREE_BYTES = 2 * 1024 ** 3;

/** Gets messages about what could not be removed. */
type Warn = (message: string) => void;

export interface IdleLimits {
  /** Limit for all repositories together. */
  readonly count: number;
  readonly clock: Clock;
}

/** The indexes in an idle workspace, and in the folder that `takeIdle` leaves. */
export function indexesIn(idle: string): string {
  return join(idle, 'indexes');
}

/**
 * Keeps a workspace and its indexes for later builds of the same project, and drops the oldest ones. Does nothing when the build
 * has replaced its workspace, by a link to another folder for instance.
 */
export async function putIdle(
  root: string,
  project: string,
  workspace: string,
  limits: IdleLimits,
  warn: Warn,
): Promise<void> {
  const there = await ifPresentAsync(() => lstat(workspace));
  if (there === null || !there.isDirectory()) {
    return;
  }
  const idle = join(root, 'idle');
  const unfinished = `${workspace}.idle`;
  await clear(root, unfinished, warn);
  await mkdir(idle, { recursive: true, mode: 0o700 });
  await mkdir(unfinished, { mode: 0o700 });
  await rename(workspace, join(unfinished, 'tree'));
  await rename(indexesOf(workspace), indexesIn(unfinished));
  await rename(unfinished, join(idle, `${project}.${randomUUID()}`));
  await trimIdle(root, limits, warn);
}

/**
 * Moves the files of the project's newest idle workspace to `workspace`, which must not exist, and its indexes to `idle`. Resolves
 * with false when there is none that can be used; `idle` may exist even then.
 */
export async function takeIdle(
  root: string,
  project: string,
  idle: string,
  workspace: string,
): Promise<boolean> {
  for (const { path, name } of await newestFirst(root)) {
    if (name.startsWith(`${project}.`) && (await claim(path, idle))) {
      const tree = join(idle, 'tree');
      // A link would lead to another folder, and a process in the folder could go on writing.
      const there = await ifPresentAsync(() => lstat(tree));
      if (there === null || !there.isDirectory() || (await isDirectoryInUse(tree)) !== false) {
        return false;
      }
      await rename(tree, workspace);
      return true;
    }
  }
  return false;
}

/** Frees space: removes all. Resolves with false when there was none. */
export async function removeIdle(root: string, warn: Warn): Promise<boolean> {
  const found = await newestFirst(root);
  for (const { path } of found) {
    await clear(root, path, warn);
  }
  return found.length > 0;
}

/** Removes the oldest ones beyond `count`, those that were unused for a week, and all when the disk is nearly full. */
export async function trimIdle(root: string, { count, clock }: IdleLimits, warn: Warn): Promise<void> {
  const free = freeDiskBytes(root);
  const kept = free !== null && free < MIN_FREE_BYTES ? 0 : count;
  for (const [place, { path, time }] of (await newestFirst(root)).entries()) {
    if (place >= kept || clock.now() - time > UNUSED_MS) {
      await clear(root, path, warn);
    }
  }
}

/** Never rejects: one failure must not keep the others from being removed. */
async function clear(root: string, path: string, warn: Warn): Promise<void> {
  const message = await clearPlace(root, path).catch(messageOf);
  if (message !== null) {
    warn(message);
  }
}

/** Resolves with false when another build was faster. */
async function claim(path: string, to: string): Promise<boolean> {
  return (await ifPresentAsync(() => rename(path, to))) !== null;
}

async function newestFirst(root: string): Promise<{ path: string; name: string; time: number }[]> {
  const idle = join(root, 'idle');
  const isThere = (await ifPresentAsync(() => lstat(idle)))?.isDirectory() === true;
  const names = isThere ? await readdir(idle) : [];
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(idle, name);
      const times = await stat(path).catch(() => null);
      return times === null ? [] : [{ path, name, time: times.mtimeMs }];
    }),
  );
  return found.flat().sort((a, b) => b.time - a.time);
}
