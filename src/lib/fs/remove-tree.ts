import { randomUUID } from 'node:crypto';
import { lstatSync, mkdirSync, opendirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { errorCode, hasCode, ifPresent } from '../error-code.js';
import { OpenFolder } from './open-folder.js';

/** Files and folders between two yields to the event loop, and names that are read at once. */
const AT_ONCE = 256;
/** A folder that is filled while it is emptied is given up after so many rounds. */
const MOST_ROUNDS = 10;
/**
 * Nested folders that are open at once. Deeper ones are moved up first, so neither paths nor open files grow with the depth
 * of a tree.
 */
const MAX_DEPTH = 16;
/** For systems without OpenFolder's paths: macOS accepts 1024 bytes, and a name can have 255 of them. */
const MAX_PATH_BYTES = 700;
/**
 * A file up to this size is removed synchronously, which takes less time than the thread pool. The blocks of a larger one
 * take time to free.
 */
const SMALL_BYTES = 1024 * 1024;
const OWN = 0o700;
const SLASH = Buffer.from('/');
/** Keeps each byte of a name. */
const BYTES = 'latin1';

const forbidden: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM']);
const filled: ReadonlySet<unknown> = new Set(['ENOTEMPTY', 'EEXIST']);

/** A part of a tree could not be removed; the rest is gone. */
export class TreeRemains extends Error {
  override readonly name = 'TreeRemains';
  /** The code of the first failure. */
  readonly code: string;

  constructor(message: string, code: string, options: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Removes a folder with its contents, or a file, if it exists. Read-only folders are made writable, the depth is not
 * limited, links are not followed, and file systems mounted in the tree keep their files. It yields to the event loop
 * every few hundred files.
 * @throws TreeRemains when something remains
 */
export async function removeTree(path: string): Promise<void> {
  const removal = new Removal();
  await removal.remove(path);
  if (removal.failure !== null) {
    throw removal.failure;
  }
}

/** A folder whose entries are being removed. */
interface Emptied {
  readonly path: Buffer;
  /** The path for messages. */
  readonly shown: string;
  readonly depth: number;
  /** Gives its owner all permissions. @returns whether this call did so; later calls do nothing */
  unlock(): boolean;
}

class Removal {
  failure: TreeRemains | null = null;
  #untilYield = AT_ONCE;
  /** The first folder of the tree. */
  #top: Emptied | null = null;
  /** A folder in the first folder for those that were too deep. */
  #movedUp: Buffer | null = null;
  #moves = 0;

  async remove(path: string): Promise<void> {
    const place = Buffer.from(path);
    const above: Emptied = {
      path: Buffer.from(dirname(path)),
      shown: dirname(path),
      depth: -1,
      // It is not part of the tree.
      unlock: () => false,
    };
    const stats = ifPresent(() => lstatSync(place));
    if (stats?.isDirectory()) {
      await this.#removeFolder(above, Buffer.from(basename(path)));
    } else if (stats !== null) {
      await this.#removeFile(above, place);
    }
  }

  /** False when it remains. */
  async #removeFolder(parent: Emptied, name: Buffer): Promise<boolean> {
    const path = join(parent.path, name);
    // First, because it reveals a mount point, whose files must not be removed.
    const early = this.#attempt(parent, () => rmdirSync(path));
    if (early === null) {
      return true;
    }
    if (errorCode(early) === 'EBUSY') {
      return this.#keep(parent, name, early);
    }
    if (parent.depth >= MAX_DEPTH - 1 || path.length > MAX_PATH_BYTES) {
      if (this.#top !== null) {
        return this.#moveUp(this.#top, parent, name);
      }
    }
    return this.#emptyAndRemove(parent, name, path);
  }

  async #emptyAndRemove(parent: Emptied, name: Buffer, path: Buffer): Promise<boolean> {
    let open: OpenFolder;
    try {
      open = OpenFolder.open(path);
    } catch (error) {
      return hasCode(error, 'ENOENT') || this.#keep(parent, name, error);
    }
    try {
      const folder = emptied(open, parent, name);
      this.#top ??= folder;
      for (let round = 1; ; round += 1) {
        if ((await this.#empty(folder)) > 0) {
          return false;
        }
        const error = this.#attempt(parent, () => rmdirSync(path));
        if (error === null) {
          return true;
        }
        if (!filled.has(errorCode(error)) || round === MOST_ROUNDS) {
          return this.#keep(parent, name, error);
        }
      }
    } finally {
      open.close();
    }
  }

  /** Resolves with the number of entries that remain. */
  async #empty(folder: Emptied): Promise<number> {
    let kept = await this.#removeEntries(folder);
    if (folder !== this.#top) {
      return kept;
    }
    for (let before = 0; this.#movedUp !== null && this.#moves > before; ) {
      before = this.#moves;
      const movedUp = { ...folder, path: this.#movedUp, depth: folder.depth + 1, unlock: () => false };
      kept += await this.#removeEntries(movedUp);
    }
    const movedUp = this.#movedUp;
    this.#movedUp = null;
    if (movedUp !== null) {
      this.#attempt(folder, () => rmdirSync(movedUp));
    }
    return kept;
  }

  /** Resolves with the number of entries that remain. */
  async #removeEntries(folder: Emptied): Promise<number> {
    let directory: ReturnType<typeof opendirSync>;
    try {
      directory = openOrUnlock(folder);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) {
        return 0;
      }
      this.#note(folder.shown, error);
      return 1;
    }
    let kept = 0;
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        this.#untilYield -= 1;
        if (this.#untilYield <= 0) {
          this.#untilYield = AT_ONCE;
          await yieldToEventLoop();
        }
        const name = Buffer.from(entry.name, BYTES);
        const path = join(folder.path, name);
        if (this.#movedUp?.equals(path) === true) {
          continue;
        }
        const isGone = await (entry.isDirectory()
          ? this.#removeFolder(folder, name)
          : this.#removeFile(folder, path));
        kept += isGone ? 0 : 1;
      }
      return kept;
    } finally {
      directory.closeSync();
    }
  }

  async #removeFile(parent: Emptied, path: Buffer): Promise<boolean> {
    const stats = ifPresent(() => lstatSync(path));
    if (stats === null) {
      return true;
    }
    const name = path.subarray(path.lastIndexOf(SLASH) + 1);
    if (stats.isDirectory()) {
      // Some file systems do not tell the type of an entry.
      return this.#removeFolder(parent, name);
    }
    let error =
      stats.size <= SMALL_BYTES ? this.#attempt(parent, () => unlinkSync(path)) : await failureOf(path);
    if (stats.size > SMALL_BYTES && forbidden.has(errorCode(error)) && parent.unlock()) {
      error = await failureOf(path);
    }
    return error === null || this.#keep(parent, name, error);
  }

  /** Moves the folder into the first one, where it is removed later; false when it remains. */
  #moveUp(top: Emptied, parent: Emptied, name: Buffer): boolean {
    const path = join(parent.path, name);
    const movedUp = this.#movedUp ?? join(top.path, Buffer.from(`clusterrunner-${randomUUID()}`));
    const made = this.#movedUp === null ? this.#attempt(top, () => mkdirSync(movedUp, { mode: OWN })) : null;
    const move = () => renameSync(path, join(movedUp, Buffer.from(randomUUID())));
    let error = made ?? this.#attempt(parent, move);
    if (forbidden.has(errorCode(error)) && unlocked(path)) {
      // Moving a folder to another parent also writes to the folder itself.
      error = this.#attempt(parent, move);
    }
    if (made === null) {
      this.#movedUp = movedUp;
    }
    if (error !== null) {
      return this.#keep(parent, name, error);
    }
    this.#moves += 1;
    return true;
  }

  /** Runs `act` in the folder, which is unlocked if needed. @returns its error; null for success and ENOENT */
  #attempt(folder: Emptied, act: () => void): unknown {
    const error = failure(act);
    const last = forbidden.has(errorCode(error)) && folder.unlock() ? failure(act) : error;
    return errorCode(last) === 'ENOENT' ? null : last;
  }

  #keep(parent: Emptied, name: Buffer, error: unknown): false {
    this.#note(`${parent.shown}/${name}`, error);
    return false;
  }

  #note(shown: string, error: unknown): void {
    const code = String(errorCode(error) ?? 'UNKNOWN');
    const why = code === 'EBUSY' ? 'EBUSY: something is mounted there' : code;
    this.failure ??= new TreeRemains(`${shown} cannot be removed (${why})`, code, { cause: error });
  }
}

function emptied(open: OpenFolder, parent: Emptied, name: Buffer): Emptied {
  let isUnlocked = false;
  return {
    path: open.path,
    shown: `${parent.shown}/${name}`,
    depth: parent.depth + 1,
    unlock: () => {
      if (isUnlocked) {
        return false;
      }
      isUnlocked = true;
      return failure(() => open.chmod(OWN)) === null;
    },
  };
}

function openOrUnlock(folder: Emptied): ReturnType<typeof opendirSync> {
  const open = () => opendirSync(folder.path, { encoding: BYTES, bufferSize: AT_ONCE });
  try {
    return open();
  } catch (error) {
    if (forbidden.has(errorCode(error)) && folder.unlock()) {
      return open();
    }
    throw error;
  }
}

function unlocked(path: Buffer): boolean {
  try {
    const folder = OpenFolder.open(path);
    try {
      folder.chmod(OWN);
      return true;
    } finally {
      folder.close();
    }
  } catch (error) {
    if (errorCode(error) === null) {
      throw error;
    }
    return false;
  }
}

async function failureOf(path: Buffer): Promise<unknown> {
  try {
    await unlink(path);
    return null;
  } catch (error) {
    return hasCode(error, 'ENOENT') ? null : error;
  }
}

function failure(act: () => void): unknown {
  try {
    act();
    return null;
  } catch (error) {
    return error;
  }
}

function join(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, SLASH, name]);
}
