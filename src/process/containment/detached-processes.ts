import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import type { Clock } from '../../lib/clock.js';
import { errorCode } from '../../lib/error-code.js';
import { sendSignal } from '../../lib/send-signal.js';

const POLL_MS = 20;
/** A process may start another just before it is ended. */
const ROUNDS = 3;

/**
 * Ends processes that have left the process group in which they were started (`setsid`, a daemon). They are recognized by the
 * value of a variable in their initial environment. Works on Linux; elsewhere it does nothing. `graceMs`: between TERM and KILL.
 */
export async function endDetachedProcesses(
  variable: string,
  isOurs: (value: string) => boolean,
  graceMs: number,
  clock: Clock,
): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const detached = await processesWith(variable, isOurs);
    if (detached.length === 0) {
      return;
    }
    const alive = () => detached.filter((pid) => sendSignal(pid, 0));
    for (const pid of detached) {
      sendSignal(pid, 'SIGTERM');
      sendSignal(pid, 'SIGCONT');
    }
    for (const end = clock.monotonic() + graceMs; alive().length > 0 && clock.monotonic() < end; ) {
      await clock.sleep(POLL_MS);
    }
    for (const pid of alive()) {
      sendSignal(pid, 'SIGKILL');
    }
  }
}

async function processesWith(variable: string, isOurs: (value: string) => boolean): Promise<number[]> {
  if (!existsSync('/proc/self/environ')) {
    return [];
  }
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (Number.isInteger(pid) && pid !== process.pid) {
      const value = await valueIn(pid, variable);
      if (value !== null && isOurs(value)) {
        found.push(pid);
      }
    }
  }
  return found;
}

/** null for a process that is gone, belongs to another user, or does not have the variable. */
async function valueIn(pid: number, variable: string): Promise<string | null> {
  try {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
    const entry = environment.split('\0').find((one) => one.startsWith(`${variable}=`));
    return entry === undefined ? null : entry.slice(variable.length + 1);
  } catch (error) {
    if (errorCode(error) !== undefined) {
      return null;
    }
    throw error;
  }
}
