import type { Clock } from '../../lib/clock.js';
import { sendSignal } from '../../lib/send-signal.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Containment } from './containment.js';
import { endGroup } from './process-group.js';
import { otherUserOf, type ProcessEntry, processTable } from './process-table.js';

const FIRST_POLL_MS = 2;
const MAX_POLL_MS = 50;
/** Only a process that hangs in the kernel takes longer, on a dead network disk for instance. */
const KILL_LIMIT_MS = 30_000;
/** How long processes of another user may take to end after those that were killed. */
const OUT_OF_REACH_MS = 500;

/** A process that could not be ended. */
export interface Survivor {
  readonly pid: number;
  readonly name: string;
  /** Its owner; null: this user, so the process hangs in the kernel. */
  readonly user: string | null;
  readonly began: string;
}

/**
 * The members of the family of `root`: itself, its descendants, and the processes in its session or in one of the `groups`
 * with theirs.
 */
export function membersOf(
  table: readonly ProcessEntry[],
  root: number,
  groups: readonly number[] = [],
): ProcessEntry[] {
  const byPid = new Map(table.map((entry) => [entry.pid, entry]));
  const known = new Map<number, boolean>([[root, true]]);
  const isMember = (entry: ProcessEntry): boolean => {
    const path: number[] = [];
    let isIn = false;
    for (let one: ProcessEntry | undefined = entry; one !== undefined; one = byPid.get(one.parent)) {
      const before = known.get(one.pid);
      if (before !== undefined) {
        isIn = before;
        break;
      }
      path.push(one.pid);
      // Ends a cycle of parents, which reused pids can form while the table is read.
      known.set(one.pid, false);
      if (one.session === root || one.group === root || groups.includes(one.group)) {
        isIn = true;
        break;
      }
    }
    for (const pid of path) {
      known.set(pid, isIn);
    }
    return isIn;
  };
  return table.filter(isMember);
}

/**
 * Sorts parents before children: a shell that is ended before its children does not report their end. The order of pids does
 * not tell, since they wrap around.
 */
export function parentsFirst(entries: readonly ProcessEntry[]): ProcessEntry[] {
  const left = new Map(entries.map((entry) => [entry.pid, entry]));
  return entries.flatMap((entry) => {
    const path: ProcessEntry[] = [];
    for (let one = left.get(entry.pid); one !== undefined; one = left.get(one.parent)) {
      path.push(one);
      left.delete(one.pid);
    }
    return path.reverse();
  });
}

export interface EndOptions {
  /** Between TERM and KILL. */
  readonly graceMs: number;
  readonly clock: Clock;
  /** Members that are not ended. */
  readonly spared?: (entry: ProcessEntry) => boolean;
  /** Process groups that belong to the family too. */
  readonly groups?: readonly number[];
}

/**
 * Ends the family of the session leader `root`: TERM, after `graceMs` KILL, until no process is left. With a subreaper as `root`
 * the family is everything that was started below it.
 *
 * Resolves with the processes that could not be ended: those of another user, and those that hang in the kernel.
 */
export async function endFamily(
  root: number,
  scope: Containment['kind'],
  options: EndOptions,
): Promise<readonly Survivor[]> {
  if (scope === 'group') {
    return endGroups(root, options);
  }
  const { graceMs, clock, spared = () => false, groups } = options;
  const members = () =>
    parentsFirst(membersOf(processTable(), root, groups).filter((entry) => !spared(entry)));
  let left = members();
  for (const { pid } of left) {
    // A stopped process handles TERM when it is continued.
    sendSignal(pid, 'SIGTERM');
    sendSignal(pid, 'SIGCONT');
  }
  left = await membersAfter(members, left, graceMs, clock, () => false);
  if (left.length === 0) {
    return [];
  }
  let reachableUntil = clock.monotonic() + OUT_OF_REACH_MS;
  left = await membersAfter(members, left, KILL_LIMIT_MS, clock, (found) => {
    // Repeated, since a process may start another just before it is killed.
    const canReach = found.filter(({ pid }) => sendSignal(pid, 'SIGKILL')).length > 0;
    if (canReach) {
      reachableUntil = clock.monotonic() + OUT_OF_REACH_MS;
    }
    return clock.monotonic() > reachableUntil;
  });
  return left.map(({ pid, name, began }) => ({ pid, name, began, user: otherUserOf(pid) }));
}

/** Polls until no member is left, `ms` have passed, or `act`, which gets the members, returns true. */
async function membersAfter(
  members: () => ProcessEntry[],
  first: ProcessEntry[],
  ms: number,
  clock: Clock,
  act: (found: readonly ProcessEntry[]) => boolean,
): Promise<ProcessEntry[]> {
  const deadline = clock.monotonic() + ms;
  let found = first;
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(MAX_POLL_MS, pollMs * 2)) {
    if (found.length === 0) {
      // A process whose parent ended while the table was read is found in a second reading.
      found = members();
      if (found.length === 0) {
        return found;
      }
    }
    const isEnough = act(found);
    const left = deadline - clock.monotonic();
    if (isEnough || left <= 0) {
      return found;
    }
    await clock.sleep(Math.min(pollMs, left));
    found = members();
  }
}

async function endGroups(
  root: number,
  { graceMs, clock, groups = [root] }: EndOptions,
): Promise<readonly Survivor[]> {
  const survivors: Survivor[] = [];
  for (const group of groups) {
    try {
      await endGroup(group, graceMs, clock);
    } catch (error) {
      if (!(error instanceof ClusterRunnerError)) {
        throw error;
      }
      survivors.push({ pid: group, name: `group ${group}`, user: null, began: '' });
    }
  }
  return survivors;
}

/** A message about processes that could not be ended. */
export function describeSurvivors(survivors: readonly Survivor[]): string {
  const shown = survivors
    .slice(0, 5)
    .map(({ pid, name, user }) =>
      user === null
        ? `${pid} (${name}, which hangs in the kernel: ps -o pid,stat,wchan,args ${pid})`
        : `${pid} (${name}, of ${user}, whom this slave cannot signal)`,
    );
  const more = survivors.length > shown.length ? `, and ${survivors.length - shown.length} more` : '';
  return `These processes could not be ended and still run on the slave: ${shown.join(', ')}${more}.`;
}
