import { lstatSync, type Stats } from 'node:fs';
import { lstat, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../../lib/fs/remove-tree.js';
import type { Program } from '../git/git.js';

const PERMISSIONS = 0o7777;
const OWNER_EXECUTES = 0o100;
const ALL_EXECUTE = 0o111;

/** Names of files may be no UTF-8, so each byte of a path is a character. */
const BYTES = 'latin1';
const bytesOf = (path: string) => Buffer.from(path).toString(BYTES);
const pathOf = (bytes: string) => Buffer.from(bytes, BYTES);

/** What a checkout gives all that it makes, but for what a file holds. */
interface Fresh {
  readonly folder: number;
  readonly file: number;
  readonly executable: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Whether nothing tells the files and folders of a clean workspace from those of a new one, as far as git does not look:
 * permissions, access control lists, owner, names elsewhere (hard links), and repositories that no list of git's shows
 * because they lie among files that it has.
 * @param repositories paths from the top of the workspace, '' among them: what their `.git` holds is new
 * @param shell runs `sh`
 * @param scratch a path where nothing is
 */
export async function isPristine(
  workspace: string,
  repositories: readonly string[],
  shell: Program,
  scratch: string,
): Promise<boolean> {
  try {
    return (
      (await areFilesFresh(workspace, repositories, await madeIn(scratch))) &&
      !(await hasAccessLists(workspace, shell))
    );
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) {
      // What cannot be looked at is not as in a new checkout.
      return false;
    }
    throw error;
  } finally {
    await removeTree(scratch);
  }
}

/** Seen by what is made in `folder`. */
async function madeIn(folder: string): Promise<Fresh> {
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

/** Git's times are too coarse to tell of a chmod soon after a checkout, and it looks at no more than who may execute. */
async function areFilesFresh(
  workspace: string,
  repositories: readonly string[],
  fresh: Fresh,
): Promise<boolean> {
  const known = new Set(repositories.map((path) => bytesOf(join(workspace, path, '.git'))));
  const folders = [bytesOf(workspace)];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    // A promise for each file would take five times as long; git has just asked the same, so the system knows the answers.
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

function isFresh(stats: Stats, { folder, file, executable, uid, gid }: Fresh): boolean {
  if (stats.uid !== uid || stats.gid !== gid) {
    return false;
  }
  const mode = stats.mode & PERMISSIONS;
  if (stats.isDirectory()) {
    return mode === folder;
  }
  // Through another name of it, its content could be changed later too.
  if (stats.nlink !== 1) {
    return false;
  }
  return stats.isSymbolicLink() || mode === ((mode & OWNER_EXECUTES) === 0 ? file : executable);
}

/** Those beyond permissions, as the `ls` of GNU shows them. Where another one is, they stay unseen. */
async function hasAccessLists(workspace: string, shell: Program): Promise<boolean> {
  const { exitCode } = await shell(workspace, '-c', "ls -lnAR . | grep -q '^[-dl][-rwxsStT]\\{9\\}+'");
  return exitCode === 0;
}
