import type { Dirent } from 'node:fs';
import { chmod, lstat, opendir, rmdir, unlink } from 'node:fs/promises';

/** Names that are held at once of a folder, whatever it holds. `rm` of Node holds a request for each at once. */
const AT_ONCE = 256;
/** A folder that is filled while it is emptied is given up. */
const MOST_ROUNDS = 3;
const OWN = 0o700;
const SLASH = Buffer.from('/');
/** Gives each byte of a name as it is. */
const BYTES = 'latin1';

const forbidden: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM']);

/**
 * Removes a folder and all in it, also folders that a build made read-only, or a file. Nothing there is fine.
 * @throws the file system's error; what could be removed is gone then
 */
export async function removeTree(path: string): Promise<void> {
  const bytes = Buffer.from(path);
  const stats = await unlessFails(['ENOENT'], () => lstat(bytes));
  if (stats?.isDirectory()) {
    await removeFolder(bytes);
  } else if (stats !== null) {
    await removeOne(bytes);
  }
}

async function removeFolder(folder: Buffer): Promise<void> {
  for (let round = 1; ; round += 1) {
    try {
      await emptyFolder(folder);
      await rmdir(folder);
      return;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') {
        return;
      }
      if (round === MOST_ROUNDS || !(forbidden.has(codeOf(error)) || codeOf(error) === 'ENOTEMPTY')) {
        throw error;
      }
      if (forbidden.has(codeOf(error))) {
        await unlessFails(['ENOENT'], () => chmod(folder, OWN));
      }
    }
  }
}

/** Opens it anew for each piece: systems differ about what a reader sees of a folder whose files are removed. */
async function emptyFolder(folder: Buffer): Promise<void> {
  for (let entries = await someOf(folder); entries.length > 0; entries = await someOf(folder)) {
    const pathOf = ({ name }: Dirent) => Buffer.concat([folder, SLASH, Buffer.from(name, BYTES)]);
    const folders = entries.filter((entry) => entry.isDirectory());
    // Each is waited for, so that nothing is removed any more once this has failed.
    const removed = await Promise.allSettled(
      entries.filter((entry) => !entry.isDirectory()).map((entry) => removeOne(pathOf(entry))),
    );
    const failed = removed.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) {
      throw failed.reason;
    }
    for (const entry of folders) {
      await removeFolder(pathOf(entry));
    }
  }
}

async function someOf(folder: Buffer): Promise<Dirent[]> {
  const directory = await opendir(folder, { encoding: BYTES, bufferSize: AT_ONCE });
  try {
    const entries: Dirent[] = [];
    for (let entry = await directory.read(); entry !== null; entry = await directory.read()) {
      entries.push(entry);
      if (entries.length === AT_ONCE) {
        break;
      }
    }
    return entries;
  } finally {
    await directory.close();
  }
}

async function removeOne(path: Buffer): Promise<void> {
  await unlessFails(['ENOENT'], () => unlink(path));
}

/** null when it failed in one of these ways. */
async function unlessFails<T>(codes: readonly string[], act: () => Promise<T>): Promise<T | null> {
  try {
    return await act();
  } catch (error) {
    const code = codeOf(error);
    if (typeof code === 'string' && codes.includes(code)) {
      return null;
    }
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null;
}
