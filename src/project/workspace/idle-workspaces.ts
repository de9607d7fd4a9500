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
 * Workspaces of builds that have ended, `idle/<project>.<some>/`: what was checked out (`tree`), with whatever the build
 * has left there, and the indexes that git wrote when it checked it and its submodules out (`indexes`), before anything of the
 * project ran. By those git finds every file that is not as it was: no program can set back the time at which a file
 * was changed.
 */

const UNUSED_MS = 7 * 24 * 3600 * 1000;
/** A slave must have room for its builds first. */
const LEAST_FREE_BYTES = 2 * 1024 ** 3;

/** Is told in a sentence what could not be removed. */
type Warn = (sentence: string) => void;

export interface IdleLimits {
  /** Of all repositories together. */
  readonly count: number;
  readonly clock: Clock;
}

/** In the folder that `takeIdle` leaves. */
export function indexesIn(idle: string): string {
  return join(idle, 'indexes');
}

/**
 * Keeps a workspace and its indexes for later builds of the same project, in place of the oldest ones. What a build has
 * put in its place, such as a link to another folder, stays where it is.
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
 * Moves the files of the newest idle workspace of the project to `workspace`, where nothing is, and its indexes to
 * `idle`. False when there is none that can be used; `idle` may be there all the same then.
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
      // A link would lead to another folder; a process that is still there would go on writing.
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

/** Makes room: removes all. False when there was none. */
export async function removeIdle(root: string, warn: Warn): Promise<boolean> {
  const found = await newestFirst(root);
  for (const { path } of found) {
    await clear(root, path, warn);
  }
  return found.length > 0;
}

/** Removes those that are too many or too old, and all when the disk is nearly full. */
export async function trimIdle(root: string, { count, clock }: IdleLimits, warn: Warn): Promise<void> {
  const free = freeDiskBytes(root);
  const most = free !== null && free < LEAST_FREE_BYTES ? 0 : count;
  for (const [place, { path, time }] of (await newestFirst(root)).entries()) {
    if (place >= most || clock.now() - time > UNUSED_MS) {
      await clear(root, path, warn);
    }
  }
}

/** One that stays must not keep the others from being removed. */
async function clear(root: string, path: string, warn: Warn): Promise<void> {
  const sentence = await clearPlace(root, path).catch(messageOf);
  if (sentence !== null) {
    warn(sentence);
  }
}

/** Another build may have been quicker. */
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
