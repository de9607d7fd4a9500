import { lstatSync } from 'node:fs';
import { lstat, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const PERMISSIONS = 0o7777;
const OWNER_EXECUTES = 0o100;
const ALL_EXECUTE = 0o111;

export interface FreshModes {
  readonly folder: number;
  readonly file: number;
  readonly executable: number;
}

/** The permissions that a checkout gives what it makes, seen by what is made in `folder`, where it stays. */
export async function freshModesIn(folder: string): Promise<FreshModes> {
  const made = { folder: join(folder, 'made-folder'), file: join(folder, 'made-file') };
  await mkdir(made.folder, { mode: 0o777 });
  await writeFile(made.file, '', { mode: 0o777 });
  const executable = (await lstat(made.file)).mode & PERMISSIONS;
  return {
    folder: (await lstat(made.folder)).mode & PERMISSIONS,
    file: executable & ~ALL_EXECUTE,
    executable,
  };
}

/**
 * Whether all files and folders of a clean workspace have the permissions of a fresh checkout. Git itself looks at no
 * more than whether the owner may execute a file, and its times are too coarse to tell of a chmod soon after a checkout.
 */
export async function hasFreshModes(workspace: string, fresh: FreshModes): Promise<boolean> {
  // A promise for each file would take five times as long; git has just asked the same, so the system knows the answers.
  const modeOf = (path: string) => lstatSync(path).mode & PERMISSIONS;
  const folders = [workspace];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    if (modeOf(folder) !== fresh.folder) {
      return false;
    }
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        // The repository is a new one.
        if (folder !== workspace || entry.name !== '.git') {
          folders.push(path);
        }
      } else if (!entry.isSymbolicLink()) {
        const mode = modeOf(path);
        if (mode !== ((mode & OWNER_EXECUTES) === 0 ? fresh.file : fresh.executable)) {
          return false;
        }
      }
    }
  }
  return true;
}
