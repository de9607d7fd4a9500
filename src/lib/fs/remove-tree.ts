import { randomUUID } from 'node:crypto';
import { lstatSync, mkdirSync, opendirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { errorCode, hasCode, ifPresent } from '../error-code.js';
import { OpenFolder } from './open-folder.js';

/** Files and folders between two turns of others, and names that are read at once. */
const AT_ONCE = 256;
/** A folder that is filled while it is emptied is given up. */
const MOST_ROUNDS = 10;
/**
 * Folders that are open at once, one in the other. What lies deeper is moved up first, so neither paths nor open files
 * grow with the depth of a tree.
 */
const MAX_DEPTH = 16;
/** Where a path is the only way to a folder: macOS takes 1024 bytes, and a name can have 255 of them. */
const MAX_PATH_BYTES = 700;
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
const filled: ReadonlySet<unknown> = new Set(['ENOTEMPTY', 'EEXIST']);

/** Something of a tree could not be removed; all else of it is gone. */
export class TreeRemains extends Error {
  override readonly name = 'TreeRemains';
  /** Of the first failure. */
  readonly code: string;

  constructor(message: string, code: string, options: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Removes a folder and all in it, or a file. Nothing there is fine. Folders that a build made read-only are opened
 * with `chmod`, depth has no limit, no link is followed, and a file system that is mounted in the tree keeps its files.
 * Others have their turn again after some hundred files.
 * @throws TreeRemains when something stays
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
  /** For messages. */
  readonly shown: string;
  readonly depth: number;
  /** Gives its owner every right, once; answers whether that was done just now. */
  unlock(): boolean;
}

class Removal {
  failure: TreeRemains | null = null;
  #untilYield = AT_ONCE;
  /** The first folder of the tree. */
  #top: Emptied | null = null;
  /** In the first folder: what was too deep. */
  #movedUp: Buffer | null = null;
  #moves = 0;

  async remove(path: string): Promise<void> {
    const place = Buffer.from(path);
    const above: Emptied = {
      path: Buffer.from(dirname(path)),
      shown: dirname(path),
      depth: -1,
      // It is no part of the tree.
      unlock: () => false,
    };
    const stats = ifPresent(() => lstatSync(place));
    if (stats?.isDirectory()) {
      await this.#removeFolder(above, Buffer.from(basename(path)));
    } else if (stats !== null) {
      await this.#removeFile(above, place);
    }
  }

  /** False when it stays. */
  async #removeFolder(parent: Emptied, name: Buffer): Promise<boolean> {
    const path = join(parent.path, name);
    // Asked for first, because it tells of a mount point; what is mounted there is nobody's to remove.
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

  /** Resolves with the number of entries that stay. */
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

  /** Resolves with the number of those that stay. */
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
      // Some file systems do not tell what an entry is.
      return this.#removeFolder(parent, name);
    }
    let error =
      stats.size <= SMALL_BYTES ? this.#attempt(parent, () => unlinkSync(path)) : await failureOf(path);
    if (stats.size > SMALL_BYTES && forbidden.has(errorCode(error)) && parent.unlock()) {
      error = await failureOf(path);
    }
    return error === null || this.#keep(parent, name, error);
  }

  /** True when the folder is in the first one now, where it is removed later. */
  #moveUp(top: Emptied, parent: Emptied, name: Buffer): boolean {
    const path = join(parent.path, name);
    const movedUp = this.#movedUp ?? join(top.path, Buffer.from(`clusterrunner-${randomUUID()}`));
    const made = this.#movedUp === null ? this.#attempt(top, () => mkdirSync(movedUp, { mode: OWN })) : null;
    const move = () => renameSync(path, join(movedUp, Buffer.from(randomUUID())));
    let error = made ?? this.#attempt(parent, move);
    if (forbidden.has(errorCode(error)) && unlocked(path)) {
      // A folder that gets another parent is itself written to.
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

  /** What keeps `act` from being done in the folder, which is unlocked for it; null when it is done, or needless. */
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
