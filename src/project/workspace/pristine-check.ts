import { lstatSync, type Stats } from 'node:fs';
import { lstat, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../../lib/fs/remove-tree.js';
import type { Program } from '../git/git.js';

const PERMISSIONS = 0o7777;
const OWNER_EXECUTES = 0o100;
const ALL_EXECUTE = 0o111;

/** File names need not be UTF-8, so each byte of a path is one latin1 character. */
const BYTES = 'latin1';
const bytesOf = (path: string) => Buffer.from(path).toString(BYTES);
const pathOf = (bytes: string) => Buffer.from(bytes, BYTES);

/** The metadata that a checkout gives to new files and folders. */
interface FreshMetadata {
  readonly folder: number;
  readonly file: number;
  readonly executable: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Whether a clean workspace is like a new one beyond the checks of git. It examines permissions, access control lists, owner,
 * hard links, and repositories that git does not list because they are among files that it knows.
 * @param repositories paths relative to the workspace, including ''; their `.git` folders are new
 * @param shell runs `sh`
 * @param scratch a path where nothing exists
 */
export async function isPristine(
  workspace: string,
  repositories: readonly string[],
  shell: Program,
  scratch: string,
): Promise<boolean> {
  try {
    return (
      (await areFilesFresh(workspace, repositories, await freshMetadata(scratch))) &&
      !(await hasAccessLists(workspace, shell))
    );
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) {
      // Unreadable, so not like a new checkout.
      return false;
    }
    throw error;
  } finally {
    await removeTree(scratch);
  }
}

/** Finds out by creating a file and a folder in `folder`. */
async function freshMetadata(folder: string): Promise<FreshMetadata> {
  const made = { folder: join(folder, 'folder'), file: join(folder, 'file') };
  await mkdir(folder);
  await mkdir(made.folder, { mode: 0o777 });
  await writeFile(made.file, '', { mode: 0o777 });
  const { mode, uid, gid } = await lstat(made.file);
  const executable = mode & PERMISSIONS;
  return {
    folder: (await lstat(made.folder)).mode & PERMISSIONS,
    file: executable & ~ALL_EXECUTE,
    executable,
    uid,
    gid,
  };
}

/** Git's timestamps are too coarse to show a chmod soon after a checkout, and it only checks the executable bit. */
async function areFilesFresh(
  workspace: string,
  repositories: readonly string[],
  fresh: FreshMetadata,
): Promise<boolean> {
  const known = new Set(repositories.map((path) => bytesOf(join(workspace, path, '.git'))));
  const folders = [bytesOf(workspace)];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    // Synchronous: promises take five times as long, and git has just read the same metadata, so it is cached.
    if (!isFresh(lstatSync(pathOf(folder)), fresh)) {
      return false;
    }
    for (const entry of await readdir(pathOf(folder), { withFileTypes: true, encoding: BYTES })) {
      const path = `${folder}/${entry.name}`;
      if (/^\.git$/i.test(entry.name)) {
        if (!known.has(path)) {
          return false;
        }
      } else if (entry.isDirectory()) {
        folders.push(path);
      } else if (!isFresh(lstatSync(pathOf(path)), fresh)) {
        return false;
      }
    }
  }
  return true;
}

function isFresh(stats: Stats, { folder, file, executable, uid, gid }: FreshMetadata): boolean {
  if (stats.uid !== uid || stats.gid !== gid) {
    return false;
  }
  const mode = stats.mode & PERMISSIONS;
  if (stats.isDirectory()) {
    return mode === folder;
  }
  // Through a hard link, the content could be changed later.
  if (stats.nlink !== 1) {
    return false;
  }
  return stats.isSymbolicLink() || mode === ((mode & OWNER_EXECUTES) === 0 ? file : executable);
}

/** Detects access control lists by the `ls` of GNU; other implementations do not show them. */
async function hasAccessLists(workspace: string, shell: Program): Promise<boolean> {
  const { exitCode } = await shell(workspace, '-c', "ls -lnAR . | grep -q '^[-dl][-rwxsStT]\\{9\\}+'");
  return exitCode === 0;
}
