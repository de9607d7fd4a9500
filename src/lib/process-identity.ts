import { readFileSync } from 'node:fs';
import { nullOn, succeedsUnless } from './error-code.js';

/**
 * Process id and start time, which distinguish a process from a later one with the same id; the id alone without /proc.
 * null when there is no such process, or a zombie that nobody reaps (as in a container without an init).
 */
export function processIdentity(pid: number): string | null {
  const found = knownProcess(pid);
  return found === null || found.isZombie ? null : found.identity;
}

/** Like processIdentity, but also of a process that has ended and whose parent has not waited for it yet. */
export function existingIdentity(pid: number): string | null {
  return knownProcess(pid)?.identity ?? null;
}

function knownProcess(pid: number): { readonly identity: string; readonly isZombie: boolean } | null {
  if (!succeedsUnless('ESRCH', () => succeedsUnless('EPERM', () => process.kill(pid, 0)))) {
    return null;
  }
  const stat = readStat(pid);
  // Fields 3 and 22 of proc(5)'s stat; the second field may hold spaces but ends with the last parenthesis.
  const [state, ...others] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  const startTime = others[18];
  return {
    identity: startTime === undefined ? String(pid) : `${pid} ${startTime}`,
    isZombie: state === 'Z' || state === 'X',
  };
}

/** Returns the result of `read` from /proc; null when the process has ended, be it between opening and reading (ESRCH). */
export function unlessGone<T>(read: () => T): T | null {
  return nullOn(['ENOENT', 'ESRCH'], read);
}

/** Whether the process that `processIdentity` described still runs. */
export function isSameProcess(identity: string): boolean {
  const pid = Number.parseInt(identity, 10);
  return Number.isSafeInteger(pid) && pid > 0 && processIdentity(pid) === identity;
}

function readStat(pid: number): string | null {
  return unlessGone(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
}
