import { readdirSync, readFileSync } from 'node:fs';
import type { Clock } from '../../lib/clock.js';
import { succeedsUnless } from '../../lib/error-code.js';
import { unlessGone } from '../../lib/process-identity.js';
import { ClusterRunnerError } from '../../protocol/errors.js';

const FIRST_LOOK_MS = 2;
const MAX_LOOK_MS = 50;
/** From this look on /proc is read after KILL: the kernel needs a moment to end them. */
const KILLED_LOOK_MS = 8;
/** Longer than anything but a process that hangs in the kernel, on a dead network disk for instance. */
const KILL_LIMIT_MS = 30_000;

/**
 * Ends all processes of a group: TERM, after `graceMs` KILL, until none is left. The leader may have gone before.
 * Must be called once, before anything could have reused the number: right after the leader was seen to exit.
 *
 * @throws ClusterRunnerError UNAVAILABLE when some cannot be ended at all (stuck in the kernel, other user's)
 */
export async function endGroup(group: number, graceMs: number, clock: Clock): Promise<void> {
  if (!send(group, 'SIGTERM')) {
    return;
  }
  // A stopped process would learn of TERM only after it is continued.
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

/** False also when it looks pointless to go on waiting after TERM: only dead processes are left. */
async function isGoneWithin(
  group: number,
  ms: number,
  clock: Clock,
  sent: 'SIGTERM' | 'SIGKILL',
): Promise<boolean> {
  const deadline = clock.monotonic() + ms;
  for (let look = FIRST_LOOK_MS; ; look = Math.min(MAX_LOOK_MS, look * 2)) {
    if (!send(group, 0)) {
      return true;
    }
    // Where nobody reaps orphans (a container without an init) the dead stay in their group for ever. That only
    // dead are left is certain only after KILL: before, a process could start another while we look.
    if (look >= (sent === 'SIGKILL' ? KILLED_LOOK_MS : MAX_LOOK_MS) && isAllDead(group)) {
      return sent === 'SIGKILL';
    }
    const left = deadline - clock.monotonic();
    if (left <= 0) {
      return false;
    }
    await clock.sleep(Math.min(look, left));
  }
}

/** Whether a process of the group lives; zombies that nobody has reaped do not count. */
export function groupIsAlive(group: number): boolean {
  return send(group, 0) && !isAllDead(group);
}

/** False when there is nobody in the group. */
function send(group: number, signal: NodeJS.Signals | 0): boolean {
  // EPERM: all that are left belong to another user (sudo), so they are there, but out of reach.
  return succeedsUnless('ESRCH', () => succeedsUnless('EPERM', () => process.kill(-group, signal)));
}

/** True when /proc shows that each process of the group is a zombie, or the last is gone. False where there is no /proc. */
function isAllDead(group: number): boolean {
  let seen = 0;
  for (const pid of unlessGone(() => readdirSync('/proc')) ?? []) {
    const stat = /^\d+$/.test(pid) ? unlessGone(() => readFileSync(`/proc/${pid}/stat`, 'utf8')) : null;
    if (stat === null) {
      continue;
    }
    // Behind the last parenthesis (the name may hold any character): state, parent, group; see proc(5).
    const [state, , processGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(processGroup) === group) {
      if (state !== 'Z' && state !== 'X') {
        return false;
      }
      seen += 1;
    }
  }
  // The last zombie may have been reaped since the group was asked.
  return seen > 0 || !send(group, 0);
}
