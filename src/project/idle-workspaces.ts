import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { freeDiskBytes } from '../lib/free-disk.js';
import { removeTree } from '../lib/remove-tree.js';

/*
 * Workspaces of builds that have ended, `idle/<project>.<some>/`: what was checked out (`tree`), with whatever the build
 * has left there, and the index that git wrote when it checked it out (`index`), before anything of the project ran. By
 * that index git finds every file that is not as it was: no program can set back the time at which a file was changed.
 */

const UNUSED_MS = 7 * 24 * 3600 * 1000;
/** A slave must have room for its builds first. */
const LEAST_FREE_BYTES = 2 * 1024 ** 3;

export interface IdleLimits {
  /** Of all repositories together. */
  readonly count: number;
  readonly clock: Clock;
}

/** Where the index of a workspace is kept while its build runs. */
export function indexOf(workspace: string): string {
  return `${workspace}.index`;
}

/**
 * Keeps a workspace and its index for later builds of the same project, in place of the oldest ones. What a build has
 * put in its place, such as a link to another folder, is removed.
 */
export async function putIdle(
  root: string,
  project: string,
  workspace: string,
  limits: IdleLimits,
): Promise<void> {
  const there = await lstat(workspace).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return null;
    }
    throw error;
  });
  if (there === null || !there.isDirectory()) {
    await removeTree(workspace);
    return;
  }
  const idle = join(root, 'idle');
  const unfinished = `${workspace}.idle`;
  await removeTree(unfinished);
  await mkdir(idle, { recursive: true, mode: 0o700 });
  await mkdir(unfinished, { mode: 0o700 });
  await rename(workspace, join(unfinished, 'tree'));
  await rename(indexOf(workspace), join(unfinished, 'index'));
  await rename(unfinished, join(idle, `${project}.${randomUUID()}`));
  await trimIdle(root, limits);
}

/** The newest workspace of the project, which is in the folder `to` then; false when there is none. */
export async function takeIdle(root: string, project: string, to: string): Promise<boolean> {
  for (const { path, name } of await newestFirst(root)) {
    if (name.startsWith(`${project}.`) && (await claim(path, to))) {
      return true;
    }
  }
  return false;
}

/** Removes those that are too many or too old, and all when the disk is nearly full. */
export async function trimIdle(root: string, { count, clock }: IdleLimits): Promise<void> {
  const free = freeDiskBytes(root);
  const most = free !== null && free < LEAST_FREE_BYTES ? 0 : count;
  for (const [place, { path, time }] of (await newestFirst(root)).entries()) {
    if (place >= most || clock.now() - time > UNUSED_MS) {
      await removeTree(path);
    }
  }
}

/** Another build may have been quicker. */
async function claim(path: string, to: string): Promise<boolean> {
  try {
    await rename(path, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return false;
    }
    throw error;
  }
}

async function newestFirst(root: string): Promise<{ path: string; name: string; time: number }[]> {
  const idle = join(root, 'idle');
  const names = existsSync(idle) ? await readdir(idle) : [];
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(idle, name);
      const times = await stat(path).catch(() => null);
      return times === null ? [] : [{ path, name, time: times.mtimeMs }];
    }),
  );
  return found.flat().sort((a, b) => b.time - a.time);
}
