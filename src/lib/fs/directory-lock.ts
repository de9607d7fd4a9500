import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ifPresent, succeedsUnless } from '../error-code.js';
import { isSameProcess, processIdentity } from '../process-identity.js';
import { readRegularFile } from './read/read-regular-file.js';

export interface DirectoryLock {
  readonly path: string;
  /** Unlocks the directory; its contents stay. */
  release(): void;
}

const MAX_SLOTS = 1000;

/**
 * Locks the first of `<parent>/<prefix>-1`, `-2`, … that no living process holds, and creates it if missing. So processes
 * of one kind share a parent without sharing a directory, and a restarted one gets its directory back.
 *
 * The lock is a file with the process id and, where /proc shows it, the start time. So another process with the same id is
 * not taken for the holder.
 */
export function lockFreeDirectory(parent: string, prefix: string): DirectoryLock {
  for (let slot = 1; slot <= MAX_SLOTS; slot += 1) {
    const path = join(parent, `${prefix}-${slot}`);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const locked = tryLockDirectory(path);
    if (locked !== null) {
      return locked;
    }
  }
  throw new Error(`All of ${parent}/${prefix}-1 to -${MAX_SLOTS} are in use.`);
}

/** Locks an existing one of those directories; null when a living process holds it. */
export function tryLockDirectory(path: string): DirectoryLock | null {
  const file = join(path, 'owner');
  return tryLock(file) ? { path, release: () => rmSync(file, { force: true }) } : null;
}

function tryLock(file: string): boolean {
  const me = processIdentity(process.pid) ?? String(process.pid);
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, me);
  try {
    const holder = ifPresent(() => readRegularFile(file));
    if (holder !== null) {
      if (isSameProcess(holder)) {
        return false;
      }
      // When several processes see the same dead holder, only one moves the file away. One that has moved a file that
      // changed in between (another was quicker) puts it back.
      const away = `${mine}.stale`;
      if (!succeedsUnless('ENOENT', () => renameSync(file, away))) {
        return false;
      }
      const moved = readRegularFile(away);
      if (moved !== holder) {
        succeedsUnless('EEXIST', () => linkSync(away, file));
        rmSync(away, { force: true });
        return false;
      }
      rmSync(away, { force: true });
    }
    return succeedsUnless('EEXIST', () => linkSync(mine, file));
  } finally {
    rmSync(mine, { force: true });
  }
}
