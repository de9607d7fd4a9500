import type { Readable } from 'node:stream';
import { deferred } from '../lib/async/deferred.js';
import type { Clock } from '../lib/clock.js';
import { endFamily, type Survivor } from './containment/family.js';
import { unwatchFamily } from './containment/watchdog.js';
import type { Leader } from './spawn.js';

/** Between TERM and KILL of background processes that a command has left. */
export const LEFTOVER_GRACE_MS = 1000;
/** How long a pipe may stay open after the family has ended: only a process that could not be ended holds it. */
const DRAIN_MS = 500;
/** A warden without any process left exits within this time after it has reported the end of the command. */
const WARDEN_MS = 50;
/** The exit code reported for a command that could not be ended. */
const KILLED = 128 + 9;

export interface CommandEnd {
  readonly exitCode: number;
  /** Whether the signal was aborted before the leader exited; the exit code is meaningless then. */
  readonly canceled: boolean;
  readonly seconds: number;
  /** Processes that could not be ended. */
  readonly survivors: readonly Survivor[];
}

export interface SuperviseOptions {
  readonly signal: AbortSignal;
  /** Between TERM and KILL; a function is called when it is needed. */
  readonly graceMs: number | (() => number);
  readonly clock: Clock;
  /** Whether background processes live on until endLeader is called, when the leader exits by itself. */
  readonly leavesOthers?: boolean;
}

/**
 * Waits until the leader exits or `signal` is aborted, then ends the rest of its family, then reads its pipes to their end.
 * When this resolves, only the survivors of the family live.
 */
export async function supervise(leader: Leader, options: SuperviseOptions): Promise<CommandEnd> {
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
 * Ends the leader's family, and reads its pipes to their end. Resolves with the processes that could not be ended.
 * `hasExited`: whether the leader has exited, so that its family may be gone already.
 */
export async function endLeader(
  leader: Leader,
  { graceMs, clock, hasExited }: { graceMs: number; clock: Clock; hasExited: boolean },
): Promise<readonly Survivor[]> {
  const { root, scope } = leader;
  const hasWarden = scope === 'subreaper';
  const drained = Promise.all([closed(leader.stdout), closed(leader.stderr)]).then(() => true);
  const gone = leader.gone.then(() => true);
  const isGone = hasWarden && hasExited && (await within(gone, WARDEN_MS, clock, false));
  const survivors = isGone
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

/** Resolves like `promise`, or with `otherwise` after `ms`. */
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
