import type { ListenedTime } from '../../domain/listened-time.js';
import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import type { NonceCache } from '../auth/nonce-cache.js';
import { endOverdueBuilds } from '../builds/build-timeouts.js';
import { endStoppedBuilds } from '../builds/early-end.js';
import type { BundleCache } from '../bundles/bundle-cache.js';
import type { SlaveMembership } from '../dispatch/slave-membership.js';
import type { WaitingRegrouper } from '../leases/regroup-waiting.js';
import type { MasterState } from '../state/master-state.js';
import { hasMoreEvents, trimEvents } from '../store/events.js';
import { forgetTimings } from '../store/timings.js';
import type { BuildRetention } from './build-retention.js';
import { ClockJumps } from './clock-jumps.js';
import type { ForgettingTime } from './forgetting-time.js';

/** How late the end of a build's time may be noticed. */
const LOOK_EVERY_MS = 1000;
const MAX_EVENTS = 100_000;
/** Deleted at once; more would keep the others waiting. */
const EVENTS_AT_ONCE = 1000;
const TIMINGS_KEPT_MS = 180 * 24 * 60 * 60 * 1000;
const NOTEWORTHY_MS = 1000;
/** Forgetting is not urgent. */
const FORGET_EVERY_MS = 10 * 60 * 1000;

/** What nobody asks for: notices slaves that are gone and builds that take too long, and forgets what has had its time. */
export class MaintenanceLoop {
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(
    master: MasterState,
    slaves: SlaveMembership,
    nonces: NonceCache,
    retention: BuildRetention,
    packs: BundleCache,
    regrouping: WaitingRegrouper,
    listened: ListenedTime,
    time: ForgettingTime,
    leaseMs: number,
  ) {
    this.#done = this.#run(master, slaves, nonces, retention, packs, regrouping, listened, time, leaseMs);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(
    master: MasterState,
    slaves: SlaveMembership,
    nonces: NonceCache,
    retention: BuildRetention,
    packs: BundleCache,
    regrouping: WaitingRegrouper,
    listened: ListenedTime,
    time: ForgettingTime,
    leaseMs: number,
  ): Promise<void> {
    const { signal } = this.#stop;
    // A master that never lives for long forgets too.
    let forgotten = master.steady - FORGET_EVERY_MS;
    const jumps = new ClockJumps(master.clock, master.log);
    let isSwept = false;
    let isMore = true;
    while (await sleepUnlessAborted(master.clock, Math.min(LOOK_EVERY_MS, leaseMs / 4), signal)) {
      try {
        jumps.look();
        await nonces.forgetExpired();
        if (!master.writer.isWritable) {
          continue;
        }
        noteListening(master, listened);
        await slaves.expire();
        await endOverdueBuilds(master);
        await endStoppedBuilds(master);
        await regrouping.considerAll();
        wakeForStragglers(master);
        await trim(master);
        if (master.steady - forgotten >= FORGET_EVERY_MS) {
          forgotten = master.steady;
          await forget(master, slaves, time);
          await packs.trim();
          isMore = true;
        }
        isMore &&= await retention.enforce(signal);
        if (!isSwept && !isMore) {
          await retention.sweep();
          isSwept = true;
        }
      } catch (error) {
        // A store that cannot be written has been reported, and is met by every request that changes anything.
        master.log.error({ err: error }, 'The upkeep of the master failed; it is tried again.');
      }
    }
  }
}

/** Slaves could not be heard while the master was held up, so that time does not count against them. */
function noteListening({ clock, log }: MasterState, listened: ListenedTime): void {
  const missed = listened.note(clock.monotonic());
  if (missed > NOTEWORTHY_MS) {
    log.warn(
      `The master was stopped, or could not take anything, for about ${Math.round(missed / 1000)} s; that time does not count against slaves.`,
    );
  }
}

/** Time alone makes a straggler: nothing else would have slaves asked that wait. */
function wakeForStragglers(master: MasterState): void {
  for (const { work } of master.builds.values()) {
    if (work.limits.speculative === true && work.running > 0 && work.queued === 0) {
      master.workAppeared();
      return;
    }
  }
}

async function forget(master: MasterState, slaves: SlaveMembership, { now }: ForgettingTime): Promise<void> {
  const before = now - TIMINGS_KEPT_MS;
  await slaves.forgetGone(now);
  await master.writer.record([forgetTimings(before)]);
}

/** A busy master has thousands of events a second. */
async function trim({ writer, store }: MasterState): Promise<void> {
  while (await hasMoreEvents(store.db, MAX_EVENTS)) {
    await writer.write([trimEvents(MAX_EVENTS, EVENTS_AT_ONCE)]);
  }
}
