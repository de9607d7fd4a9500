import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ClaimedDirectory {
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
export function claimDirectory(parent: string, prefix: string): ClaimedDirectory {
  for (let slot = 1; slot <= MAX_SLOTS; slot += 1) {
    const path = join(parent, `${prefix}-${slot}`);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const claimed = claimAgain(path);
    if (claimed !== null) {
      return claimed;
    }
  }
  throw new Error(`All of ${parent}/${prefix}-1 to -${MAX_SLOTS} are in use.`);
}

/** Claims one of those directories, which is there; null when a living process holds it. */
export function claimAgain(path: string): ClaimedDirectory | null {
  const claim = join(path, 'owner');
  return tryClaim(claim) ? { path, release: () => rmSync(claim, { force: true }) } : null;
}

function tryClaim(claim: string): boolean {
  const me = identity(process.pid) ?? String(process.pid);
  const mine = `${claim}.${process.pid}`;
  writeFileSync(mine, me);
  try {
    const holder = readIfThere(claim);
    if (holder !== null) {
      if (isAlive(holder)) {
        return false;
      }
      // Only one of several that see the same dead holder moves the file away; whoever moved a file that has
      // changed since it looked (another was quicker) puts it back.
      const away = `${mine}.stale`;
      if (!tolerating('ENOENT', () => renameSync(claim, away))) {
        return false;
      }
      const moved = readFileSync(away, 'utf8');
      if (moved !== holder) {
        tolerating('EEXIST', () => linkSync(away, claim));
        rmSync(away, { force: true });
        return false;
      }
      rmSync(away, { force: true });
    }
    return tolerating('EEXIST', () => linkSync(mine, claim));
  } finally {
    rmSync(mine, { force: true });
  }
}

/**
 * Process number and start time; null when there is no such process, or one that is dead and that nobody reaps (a
 * container without an init keeps it for ever); the number alone without /proc.
 */
function identity(pid: number): string | null {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) {
      return null;
    }
    if (!hasCode(error, 'EPERM')) {
      throw error;
    }
  }
  const stat = readIfThere(`/proc/${pid}/stat`);
  // Fields 3 and 22 of proc(5)'s stat; the second field may hold spaces but ends with the last parenthesis.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields?.[0] === 'Z' || fields?.[0] === 'X') {
    return null;
  }
  const startTime = fields?.[19];
  return startTime === undefined ? String(pid) : `${pid} ${startTime}`;
}

function isAlive(holder: string): boolean {
  const pid = Number.parseInt(holder, 10);
  return Number.isSafeInteger(pid) && pid > 0 && identity(pid) === holder;
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) {
      return null;
    }
    throw error;
  }
}

function tolerating(code: string, action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (hasCode(error, code)) {
      return false;
    }
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
