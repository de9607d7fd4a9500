import type { Readable } from 'node:stream';
import type { Clock } from '../lib/clock.js';
import { deferred } from '../lib/deferred.js';
import type { Leader } from './leader.js';
import { endGroup } from './process-group.js';
import { unwatchGroup } from './watchdog.js';

/** How long what a command left in the background has between TERM and KILL. */
const LEFTOVER_GRACE_MS = 1000;
/** How long a pipe may stay open after the group is gone: only a process that left the group can hold it. */
const DRAIN_MS = 500;

export interface Ended {
  readonly exitCode: number;
  /** True when the signal came before the leader's end was known. What the exit code says does not matter. */
  readonly canceled: boolean;
  readonly seconds: number;
}

/**
 * Waits until the leader exits or `signal` is aborted, then ends all of its group that is left, then takes the
 * last of its pipes. When this resolves nothing of the group lives.
 */
export async function supervise(
  leader: Leader,
  options: { signal: AbortSignal; graceMs: number | (() => number); clock: Clock },
): Promise<Ended> {
  const { signal, clock } = options;
  const start = clock.monotonic();
  const drained = Promise.all([closed(leader.stdout), closed(leader.stderr)]);
  const canceled = deferred<'canceled'>();
  const onAbort = () => canceled.resolve('canceled');
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) {
    onAbort();
  }
  let first: number | 'canceled';
  try {
    first = await Promise.race([leader.exited, canceled.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  const isCanceled = first === 'canceled';
  const ended = leader.exited.then(() => clock.monotonic());
  const graceMs = typeof options.graceMs === 'number' ? options.graceMs : options.graceMs();
  await endGroup(leader.pid, isCanceled ? graceMs : Math.min(LEFTOVER_GRACE_MS, graceMs), clock);
  unwatchGroup(leader.pid);
  await drain(leader, drained, clock);
  return {
    exitCode: await leader.exited,
    canceled: isCanceled,
    seconds: Math.max(0, (await ended) - start) / 1000,
  };
}

async function drain(leader: Leader, drained: Promise<unknown>, clock: Clock): Promise<void> {
  if (leader.stdout === null && leader.stderr === null) {
    return;
  }
  const stopWaiting = new AbortController();
  const tooLong = clock.sleep(DRAIN_MS, stopWaiting.signal).catch((error: unknown) => {
    if (!stopWaiting.signal.aborted) {
      throw error;
    }
  });
  await Promise.race([drained, tooLong]);
  stopWaiting.abort();
  leader.stdout?.destroy();
  leader.stderr?.destroy();
}

function closed(stream: Readable | null): Promise<void> {
  return new Promise((resolve) => {
    if (stream === null) {
      resolve();
    } else {
      stream.once('close', resolve);
    }
  });
}
