import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import type { Clock } from '../../lib/clock.js';
import { errorCode } from '../../lib/error-code.js';
import { sendSignal } from '../../lib/send-signal.js';

const LOOK_MS = 20;
/** What is ended may have started something in the moment before. */
const ROUNDS = 3;

/**
 * Ends processes that have left the group in which they were started (`setsid`, a daemon), and so its end. They are
 * known by a variable of the environment with which they were started: `isOurs` is asked about its value. Only where
 * the system shows environments, which is Linux; elsewhere it does nothing. `graceMs` is between TERM and KILL.
 */
export async function endDetachedProcesses(
  variable: string,
  isOurs: (value: string) => boolean,
  graceMs: number,
  clock: Clock,
): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const escaped = await processesWith(variable, isOurs);
    if (escaped.length === 0) {
      return;
    }
    const alive = () => escaped.filter((pid) => sendSignal(pid, 0));
    for (const pid of escaped) {
      sendSignal(pid, 'SIGTERM');
      sendSignal(pid, 'SIGCONT');
    }
    for (const end = clock.monotonic() + graceMs; alive().length > 0 && clock.monotonic() < end; ) {
      await clock.sleep(LOOK_MS);
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

/** null for a process that is gone, is another user's, or does not have it. */
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
