import type { Readable } from 'node:stream';
import { deferred } from '../lib/async/deferred.js';
import type { Clock } from '../lib/clock.js';
import { endFamily, type Survivor } from './containment/family.js';
import { unwatchFamily } from './containment/watchdog.js';
import type { Leader } from './spawn.js';

/** How long what a command left in the background has between TERM and KILL. */
export const LEFTOVER_GRACE_MS = 1000;
/** How long a pipe may stay open after the family is gone: only a process that could not be ended can hold it. */
const DRAIN_MS = 500;
/** A warden that has nobody left ends within this time after it has said how the command ended. */
const WARDEN_MS = 50;
/** What is said of the exit code of a command that could not be ended. */
const KILLED = 128 + 9;

export interface Ended {
  readonly exitCode: number;
  /** True when the signal came before the leader's end was known. What the exit code says does not matter. */
  readonly canceled: boolean;
  readonly seconds: number;
  /** What could not be ended. */
  readonly survivors: readonly Survivor[];
}

export interface SuperviseOptions {
  readonly signal: AbortSignal;
  /** Between TERM and KILL; asked for when it is needed. */
  readonly graceMs: number | (() => number);
  readonly clock: Clock;
  /** Whether what it leaves running lives on, until endLeader is called, if it ends by itself. */
  readonly leavesOthers?: boolean;
}

/**
 * Waits until the leader exits or `signal` is aborted, then ends all of its family that is left, then takes the
 * last of its pipes. When this resolves nothing of the family lives but the survivors.
 */
export async function supervise(leader: Leader, options: SuperviseOptions): Promise<Ended> {
  const { signal, clock } = options;
  const start = clock.monotonic();
  const canceled = deferred<'canceled'>();
  const onAbort = () => canceled.resolve('canceled');
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) {
    onAbort();
  }
  let first: number | 'canceled';
  try {
    first = await Promise.race([leader.exited, canceled.promise]);
  } catch (error) {
    await endLeader(leader, { graceMs: 0, clock, hasExited: true });
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  const isCanceled = first === 'canceled';
  const ended = leader.exited.then(
    (exitCode) => ({ exitCode, at: clock.monotonic() }),
    () => ({ exitCode: KILLED, at: clock.monotonic() }),
  );
  const graceMs = typeof options.graceMs === 'number' ? options.graceMs : options.graceMs();
  const survivors =
    !isCanceled && options.leavesOthers === true
      ? []
      : await endLeader(leader, {
          graceMs: isCanceled ? graceMs : Math.min(LEFTOVER_GRACE_MS, graceMs),
          clock,
          hasExited: !isCanceled,
        });
  const { exitCode, at } =
    survivors.length > 0
      ? await within(ended, DRAIN_MS, clock, { exitCode: KILLED, at: clock.monotonic() })
      : await ended;
  return { exitCode, canceled: isCanceled, seconds: Math.max(0, at - start) / 1000, survivors };
}

/**
 * Ends all of the leader's family, and takes the last of its pipes. Resolves with what could not be ended. `hasExited`:
 * the leader has, so that there may be nothing left to look for.
 */
export async function endLeader(
  leader: Leader,
  { graceMs, clock, hasExited }: { graceMs: number; clock: Clock; hasExited: boolean },
): Promise<readonly Survivor[]> {
  const { root, scope } = leader;
  const hasWarden = scope === 'subreaper';
  const drained = Promise.all([closed(leader.stdout), closed(leader.stderr)]).then(() => true);
  const goes = leader.gone.then(() => true);
  const isOver = hasWarden && hasExited && (await within(goes, WARDEN_MS, clock, false));
  const survivors = isOver
    ? []
    : await endFamily(root, scope, { graceMs, clock, spared: ({ pid }) => hasWarden && pid === root });
  void leader.gone.then(() => unwatchFamily(root));
  if (leader.stdout !== null || leader.stderr !== null) {
    await within(drained, DRAIN_MS, clock, false);
    leader.stdout?.destroy();
    leader.stderr?.destroy();
  }
  if (survivors.length > 0) {
    leader.abandon();
  }
  return survivors;
}

/** What it resolves with, or `otherwise` when that takes longer than `ms`. */
async function within<T>(promise: Promise<T>, ms: number, clock: Clock, otherwise: T): Promise<T> {
  const stopWaiting = new AbortController();
  const tooLong = clock.sleep(ms, stopWaiting.signal).then(
    () => otherwise,
    (error: unknown) => {
      if (!stopWaiting.signal.aborted) {
        throw error;
      }
      return otherwise;
    },
  );
  try {
    return await Promise.race([promise, tooLong]);
  } finally {
    stopWaiting.abort();
  }
}

function closed(stream: Readable | null): Promise<void> {
  return new Promise((resolve) => {
    if (stream === null || stream.closed) {
      resolve();
    } else {
      stream.once('close', resolve);
    }
  });
}
