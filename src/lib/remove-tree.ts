import { chmodSync, type Dirent, lstatSync, opendirSync, rmdirSync, unlinkSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { setImmediate as breathe } from 'node:timers/promises';

/** Names that are held at once of a folder, whatever it holds. `rm` of Node holds a request for each at once. */
const AT_ONCE = 256;
/** A folder that is filled while it is emptied is given up. */
const MOST_ROUNDS = 3;
/**
 * Removing a small file takes less than a trip through the thread pool does, which is what most of the time would go
 * into: of an atom that left nothing, say. Of a large one its blocks have to be freed.
 */
const SMALL_BYTES = 1024 * 1024;
const OWN = 0o700;
const SLASH = Buffer.from('/');
/** Gives each byte of a name as it is. */
const BYTES = 'latin1';

const forbidden: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM']);

/**
 * Removes a folder and all in it, also folders that a build made read-only, or a file. Nothing there is fine. Others
 * have their turn again after some hundred files.
 * @throws the file system's error; what could be removed is gone then
 */
export async function removeTree(path: string): Promise<void> {
  const bytes = Buffer.from(path);
  const stats = unlessMissing(() => lstatSync(bytes));
  if (stats?.isDirectory()) {
    await removeFolder(bytes, new Turns());
  } else if (stats !== null) {
    await removeOne(bytes);
  }
}

/** Lets others have their turn now and then. */
class Turns {
  #left = AT_ONCE;

  /** To be called before each file and folder; null when nothing has to be waited for. */
  take(): Promise<void> | null {
    this.#left -= 1;
    if (this.#left > 0) {
      return null;
    }
    this.#left = AT_ONCE;
    return breathe();
  }
}

async function removeFolder(folder: Buffer, turns: Turns): Promise<void> {
  for (let round = 1; ; round += 1) {
    try {
      await emptyFolder(folder, turns);
      rmdirSync(folder);
      return;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') {
        return;
      }
      if (round === MOST_ROUNDS || !(forbidden.has(codeOf(error)) || codeOf(error) === 'ENOTEMPTY')) {
        throw error;
      }
      if (forbidden.has(codeOf(error))) {
        unlessMissing(() => chmodSync(folder, OWN));
      }
    }
  }
}

/** Opens it anew for each piece: systems differ about what a reader sees of a folder whose files are removed. */
async function emptyFolder(folder: Buffer, turns: Turns): Promise<void> {
  for (let entries = someOf(folder); entries.length > 0; entries = someOf(folder)) {
    for (const entry of entries) {
      const path = Buffer.concat([folder, SLASH, Buffer.from(entry.name, BYTES)]);
      await turns.take();
      await (entry.isDirectory() ? removeFolder(path, turns) : removeOne(path));
    }
  }
}

function someOf(folder: Buffer): Dirent[] {
  const directory = opendirSync(folder, { encoding: BYTES, bufferSize: AT_ONCE });
  try {
    const entries: Dirent[] = [];
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      entries.push(entry);
      if (entries.length === AT_ONCE) {
        break;
      }
    }
    return entries;
  } finally {
    directory.closeSync();
  }
}

async function removeOne(path: Buffer): Promise<void> {
  const stats = unlessMissing(() => lstatSync(path));
  if (stats === null) {
    return;
  }
  if (stats.size <= SMALL_BYTES) {
    unlessMissing(() => unlinkSync(path));
    return;
  }
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') {
      throw error;
    }
  }
}

/** null when there is no such file. */
function unlessMissing<T>(act: () => T): T | null {
  try {
    return act();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      return null;
    }
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null;
}
