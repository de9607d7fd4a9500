import { readdirSync, readFileSync } from 'node:fs';
import type { Clock } from '../../lib/clock.js';
import { succeedsUnless } from '../../lib/error-code.js';
import { unlessGone } from '../../lib/process-identity.js';
import { ClusterRunnerError } from '../../protocol/errors.js';

const FIRST_POLL_MS = 2;
const MAX_POLL_MS = 50;
/** After KILL, /proc is read from this interval on: the kernel needs a moment to end the processes. */
const KILLED_POLL_MS = 8;
/** Only a process that hangs in the kernel takes longer, on a dead network disk for instance. */
const KILL_LIMIT_MS = 30_000;

/**
 * Ends all processes of a group: TERM, after `graceMs` KILL, until none is left. The leader may be gone. Must be called once,
 * right after the exit of the leader, before its number can be reused.
 *
 * @throws ClusterRunnerError UNAVAILABLE when some cannot be ended: they hang in the kernel, or belong to another user
 */
export async function endGroup(group: number, graceMs: number, clock: Clock): Promise<void> {
  if (!send(group, 'SIGTERM')) {
    return;
  }
  // A stopped process handles TERM when it is continued.
  send(group, 'SIGCONT');
  if (await isGoneWithin(group, graceMs, clock, 'SIGTERM')) {
    return;
  }
  if (!send(group, 'SIGKILL') || (await isGoneWithin(group, KILL_LIMIT_MS, clock, 'SIGKILL'))) {
    return;
  }
  throw new ClusterRunnerError(
    'UNAVAILABLE',
    `Processes of the group ${group} do not end although they were killed; see what they wait for on this machine (ps -o pid,stat,wchan,args -g ${group}).`,
  );
}

/** Returns false early when only zombies are left after TERM. */
async function isGoneWithin(
  group: number,
  ms: number,
  clock: Clock,
  sent: 'SIGTERM' | 'SIGKILL',
): Promise<boolean> {
  const deadline = clock.monotonic() + ms;
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(MAX_POLL_MS, pollMs * 2)) {
    if (!send(group, 0)) {
      return true;
    }
    // Where nobody reaps orphans (a container without an init), zombies stay in their group forever. Only after KILL is it
    // certain that nothing but zombies is left: before, a process could start another during the check.
    if (pollMs >= (sent === 'SIGKILL' ? KILLED_POLL_MS : MAX_POLL_MS) && isAllDead(group)) {
      return sent === 'SIGKILL';
    }
    const left = deadline - clock.monotonic();
    if (left <= 0) {
      return false;
    }
    await clock.sleep(Math.min(pollMs, left));
  }
}

/** Whether a process of the group lives; zombies do not count. */
export function groupIsAlive(group: number): boolean {
  return send(group, 0) && !isAllDead(group);
}

/** False when the group is empty. */
function send(group: number, signal: NodeJS.Signals | 0): boolean {
  // EPERM: the processes belong to another user (sudo); they exist, and cannot be signaled.
  return succeedsUnless('ESRCH', () => succeedsUnless('EPERM', () => process.kill(-group, signal)));
}

/** Whether /proc shows only zombies in the group, or none. False where there is no /proc. */
function isAllDead(group: number): boolean {
  let seen = 0;
  for (const pid of unlessGone(() => readdirSync('/proc')) ?? []) {
    const stat = /^\d+$/.test(pid) ? unlessGone(() => readFileSync(`/proc/${pid}/stat`, 'utf8')) : null;
    if (stat === null) {
      continue;
    }
    // After the last parenthesis (the name may contain any character): state, parent, group; see proc(5).
    const [state, , processGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(processGroup) === group) {
      if (state !== 'Z' && state !== 'X') {
        return false;
      }
      seen += 1;
    }
  }
  // The last zombie may have been reaped meanwhile.
  return seen > 0 || !send(group, 0);
}
