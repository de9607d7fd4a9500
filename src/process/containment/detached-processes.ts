import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import type { Clock } from '../../lib/clock.js';

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
    const alive = () => escaped.filter((pid) => send(pid, 0));
    for (const pid of escaped) {
      send(pid, 'SIGTERM');
      send(pid, 'SIGCONT');
    }
    for (const end = clock.monotonic() + graceMs; alive().length > 0 && clock.monotonic() < end; ) {
      await clock.sleep(LOOK_MS);
    }
    for (const pid of alive()) {
      send(pid, 'SIGKILL');
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
    if (error instanceof Error && 'code' in error) {
      return null;
    }
    throw error;
  }
}

/** False when there is no such process, or it is not ours to end. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error) {
      return false;
    }
    throw error;
  }
}
