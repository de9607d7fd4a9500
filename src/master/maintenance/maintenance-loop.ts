import type { ListenedTime } from '../../domain/listened-time.js';
import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import type { NonceCache } from '../auth/nonce-cache.js';
import { endOverdueBuilds } from '../builds/build-timeouts.js';
import type { BundleCache } from '../bundles/bundle-cache.js';
import type { SlaveMembership } from '../dispatch/slave-membership.js';
import { endStoppedBuilds } from '../leases/early-end.js';
import type { WaitingRegrouper } from '../leases/regroup-waiting.js';
import type { MasterState } from '../state/master-state.js';
import { hasMoreEvents, trimEvents } from '../store/events.js';
import { forgetTimings } from '../store/timings.js';
import type { BuildRetention } from './build-retention.js';
import { ClockJumps } from './clock-jumps.js';
import type { ForgettingTime } from './forgetting-time.js';
import { LoadRecorder } from './load-recorder.js';
import type { PassRetention } from './pass-retention.js';

/** How late the end of a timeout may be noticed. */
const LOOK_EVERY_MS = 1000;
const MAX_EVENTS = 100_000;
/** Events deleted in one transaction; more would hold up other writes. */
const EVENTS_AT_ONCE = 1000;
const TIMINGS_KEPT_MS = 180 * 24 * 60 * 60 * 1000;
const NOTEWORTHY_MS = 1000;
/** Forgetting is not urgent. */
const FORGET_EVERY_MS = 10 * 60 * 1000;

interface MaintenanceParts {
  readonly slaves: SlaveMembership;
  readonly nonces: NonceCache;
  readonly retention: BuildRetention;
  readonly passes: PassRetention;
  readonly bundles: BundleCache;
  readonly regrouper: WaitingRegrouper;
  readonly listened: ListenedTime;
  readonly time: ForgettingTime;
  readonly leaseMs: number;
}

/** The work that no request triggers: noticing lost slaves and builds that take too long, and deleting old data. */
export class MaintenanceLoop {
  readonly #master: MasterState;
  readonly #parts: MaintenanceParts;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(master: MasterState, parts: MaintenanceParts) {
    this.#master = master;
    this.#parts = parts;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const master = this.#master;
    const { slaves, nonces, retention, passes, bundles, regrouper, leaseMs } = this.#parts;
    // The first time at once: a master that never lives for long forgets too.
    let forgotten = master.steady - FORGET_EVERY_MS;
    const recorder = new LoadRecorder(master);
    const jumps = new ClockJumps(master.clock, master.log);
    let isSwept = false;
    let mayForgetMore = true;
    while (await sleepUnlessAborted(master.clock, Math.min(LOOK_EVERY_MS, leaseMs / 4), signal)) {
      try {
        jumps.look();
        await nonces.forgetExpired();
        if (!master.writer.isWritable) {
          continue;
        }
        this.#noteListening();
        recorder.sample();
        await slaves.expire();
        await endOverdueBuilds(master);
        await endStoppedBuilds(master);
        await regrouper.considerAll();
        wakeForStragglers(master);
        await trim(master);
        if (master.steady - forgotten >= FORGET_EVERY_MS) {
          forgotten = master.steady;
          await this.#forget();
          await passes.enforce(signal);
          await bundles.trim();
          mayForgetMore = true;
        }
        mayForgetMore &&= await retention.enforce(signal);
        if (!isSwept && !mayForgetMore) {
          await retention.sweep();
          isSwept = true;
        }
      } catch (error) {
        // A store that cannot be written is reported elsewhere, and refused to every request that changes anything.
        master.log.error({ err: error }, 'The maintenance of the master failed; it is tried again.');
      }
    }
  }

  /** While the master was held up it could not hear slaves, so that time does not count against them. */
  #noteListening(): void {
    const { clock, log } = this.#master;
    const missed = this.#parts.listened.note(clock.monotonic());
    if (missed > NOTEWORTHY_MS) {
      log.warn(
        `The master was stopped, or could not take anything, for about ${Math.round(missed / 1000)} s; that time does not count against slaves.`,
      );
    }
  }

  async #forget(): Promise<void> {
    const { now } = this.#parts.time;
    await this.#parts.slaves.forgetGone(now);
    await this.#master.writer.record([forgetTimings(now - TIMINGS_KEPT_MS)]);
  }
}

/** Time alone makes a straggler, so nothing else would have it offered to slaves that wait. */
function wakeForStragglers(master: MasterState): void {
  for (const { work } of master.builds.values()) {
    if (work.limits.speculative === true && work.running > 0 && work.queued === 0) {
      master.workAppeared();
      return;
    }
  }
}

/** A busy master has thousands of events a second. */
async function trim({ writer, store }: MasterState): Promise<void> {
  while (await hasMoreEvents(store.db, MAX_EVENTS)) {
    await writer.write([trimEvents(MAX_EVENTS, EVENTS_AT_ONCE)]);
  }
}
