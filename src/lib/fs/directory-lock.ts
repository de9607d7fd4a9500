import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ifPresent, succeedsUnless } from '../error-code.js';
import { isSameProcess, processIdentity } from '../process-identity.js';
import { readRegularFile } from './read-regular-file.js';

export interface DirectoryLock {
  readonly path: string;
  /** Gives the directory free; its contents stay. */
  release(): void;
}

const MAX_SLOTS = 1000;

/**
 * Claims the first of `<parent>/<prefix>-1`, `-2`, … that no living process holds, and makes it if it is not
 * there. So several processes of one kind share a parent without sharing a directory, and one that is started
 * again gets back what it left.
 *
 * The claim is a file naming a process and, where /proc tells it, when that process began: a number that the
 * system has given to another process since is not taken for the holder.
 */
export function lockFreeDirectory(parent: string, prefix: string): DirectoryLock {
  for (let slot = 1; slot <= MAX_SLOTS; slot += 1) {
    const path = join(parent, `${prefix}-${slot}`);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const claimed = tryLockDirectory(path);
    if (claimed !== null) {
      return claimed;
    }
  }
  throw new Error(`All of ${parent}/${prefix}-1 to -${MAX_SLOTS} are in use.`);
}

/** Claims one of those directories, which is there; null when a living process holds it. */
export function tryLockDirectory(path: string): DirectoryLock | null {
  const claim = join(path, 'owner');
  return tryClaim(claim) ? { path, release: () => rmSync(claim, { force: true }) } : null;
}

function tryClaim(claim: string): boolean {
  const me = processIdentity(process.pid) ?? String(process.pid);
  const mine = `${claim}.${process.pid}`;
  writeFileSync(mine, me);
  try {
    const holder = ifPresent(() => readRegularFile(claim));
    if (holder !== null) {
      if (isSameProcess(holder)) {
        return false;
      }
      // Only one of several that see the same dead holder moves the file away; whoever moved a file that has
      // changed since it looked (another was quicker) puts it back.
      const away = `${mine}.stale`;
      if (!succeedsUnless('ENOENT', () => renameSync(claim, away))) {
        return false;
      }
      const moved = readRegularFile(away);
      if (moved !== holder) {
        succeedsUnless('EEXIST', () => linkSync(away, claim));
        rmSync(away, { force: true });
        return false;
      }
      rmSync(away, { force: true });
    }
    return succeedsUnless('EEXIST', () => linkSync(mine, claim));
  } finally {
    rmSync(mine, { force: true });
  }
}
