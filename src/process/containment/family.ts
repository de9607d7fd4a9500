import type { Clock } from '../../lib/clock.js';
import { sendSignal } from '../../lib/send-signal.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { Containment } from './containment.js';
import { endGroup } from './process-group.js';
import { otherUserOf, type ProcessEntry, processTable } from './process-table.js';

const FIRST_LOOK_MS = 2;
const MAX_LOOK_MS = 50;
/** Longer than anything but a process that hangs in the kernel, on a dead network disk for instance. */
const KILL_LIMIT_MS = 30_000;
/** How long a process of another user is given to follow those that were killed. */
const OUT_OF_REACH_MS = 500;

/** A process that could not be ended. */
export interface Survivor {
  readonly pid: number;
  readonly name: string;
  /** Whose process it is; null: of this user, so it hangs in the kernel. */
  readonly user: string | null;
  readonly began: string;
}

/**
 * The members of the family of `root` in a table: its descendants, and whoever is in its session or in one of the
 * `groups`. `root` itself is one of them.
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
      // Nothing is concluded yet of one that is met twice: numbers may be reused while the table is read.
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
 * Each behind its parent: a shell that is ended before its children prints nothing of how these were ended. Numbers of
 * processes do not tell, since they begin anew.
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
  /** Members that go on living. */
  readonly spared?: (entry: ProcessEntry) => boolean;
  /** Process groups that belong to the family too. */
  readonly groups?: readonly number[];
}

/**
 * Ends the family of the process `root`, which was started as the leader of a session: TERM, after `graceMs` KILL, until
 * nobody is left. With a subreaper as `root` the family is all that was started below it.
 *
 * Resolves with those that could not be ended: processes of another user, and such as hang in the kernel.
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
    // A stopped process learns of TERM when it is continued.
    sendSignal(pid, 'SIGTERM');
    sendSignal(pid, 'SIGCONT');
  }
  left = await membersAfter(members, left, graceMs, clock, () => false);
  if (left.length === 0) {
    return [];
  }
  let reachableUntil = clock.monotonic() + OUT_OF_REACH_MS;
  left = await membersAfter(members, left, KILL_LIMIT_MS, clock, (found) => {
    // Each time, since one may have been started in the moment before.
    const canReach = found.filter(({ pid }) => sendSignal(pid, 'SIGKILL')).length > 0;
    if (canReach) {
      reachableUntil = clock.monotonic() + OUT_OF_REACH_MS;
    }
    return clock.monotonic() > reachableUntil;
  });
  return left.map(({ pid, name, began }) => ({ pid, name, began, user: otherUserOf(pid) }));
}

/** Looks until nobody is left, `ms` are over, or `act`, which is given those that are left, says that it is enough. */
async function membersAfter(
  members: () => ProcessEntry[],
  first: ProcessEntry[],
  ms: number,
  clock: Clock,
  act: (found: readonly ProcessEntry[]) => boolean,
): Promise<ProcessEntry[]> {
  const deadline = clock.monotonic() + ms;
  let found = first;
  for (let look = FIRST_LOOK_MS; ; look = Math.min(MAX_LOOK_MS, look * 2)) {
    if (found.length === 0) {
      // One whose parent ended while the table was read is found when it is read again.
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
    await clock.sleep(Math.min(look, left));
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

/** One sentence about processes that could not be ended. */
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
