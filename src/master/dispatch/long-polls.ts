import { hasWork } from '../../domain/scheduling/scheduler.js';
import { deferred } from '../../lib/async/deferred.js';
import { waitWithTimeout } from '../../lib/async/wait-with-timeout.js';
import { seconds } from '../../lib/clock.js';
import type { BuildId } from '../../protocol/ids.js';
import type { WorkRequest } from '../../protocol/slave/slave-messages.js';
import { takeWork } from '../leases/lease-lifecycle.js';
import type { ActiveLease, RegisteredSlave } from '../state/entries.js';
import type { MasterState } from '../state/master-state.js';

/** Work that was taken for a question, whose commit is under way. */
export type TakenWork = { readonly held: readonly ActiveLease[]; readonly committed: Promise<unknown> };

/** Why a question is held no longer: work was taken for it, there may be something to tell, or its time is over. */
export type Woken = TakenWork | 'news' | 'over';

interface Waiter {
  readonly slave: RegisteredSlave;
  readonly request: WorkRequest;
  readonly builds: ReadonlySet<BuildId>;
  readonly wake: (why: Woken) => void;
}

/**
 * The questions that are held because there is nothing to say yet. When work appears it is divided among those
 * that wait longest, once for all that happens in one turn of the event loop: a thousand that wait are looked at
 * only when something can be handed out.
 */
export class LongPolls {
  readonly #waiting = new Map<RegisteredSlave, Waiter>();
  /** Those of them that want work: while a cluster is busy few do, and only these are looked at when some appears. */
  readonly #wanting = new Map<RegisteredSlave, Waiter>();
  #scheduled: NodeJS.Immediate | null = null;
  #closed = false;

  /** At most one of each slave. Never rejects; `gone` makes it over. */
  async hold(
    master: MasterState,
    slave: RegisteredSlave,
    request: WorkRequest,
    ms: number,
    gone: AbortSignal,
  ): Promise<Woken> {
    if (this.#closed || gone.aborted) {
      return 'over';
    }
    const { promise, resolve } = deferred<void>();
    // Read only after the wait: work may be taken for the question in the moment in which its time is over.
    const outcome: { woken: Woken } = { woken: 'over' };
    const wake = (why: Woken) => {
      outcome.woken = why;
      resolve();
    };
    const waiter = { slave, request, builds: new Set(request.builds), wake };
    this.#waiting.set(slave, waiter);
    if (request.free_executors > 0) {
      this.#wanting.set(slave, waiter);
    }
    await waitWithTimeout(master.clock, ms, promise, gone);
    if (this.#waiting.get(slave) === waiter) {
      this.#leave(slave);
    }
    return outcome.woken;
  }

  /** The number of this slave's question that waits; null when none does. */
  heldOf(slave: RegisteredSlave): number | null {
    return this.#waiting.get(slave)?.request.poll ?? null;
  }

  /** Ends the waiting of this slave's question, if it waits; only of one that does may work be the reason. */
  release(slave: RegisteredSlave, why: Woken): void {
    const waiter = this.#waiting.get(slave);
    this.#leave(slave);
    waiter?.wake(why);
  }

  /** Slaves that have this build prepared, or run it, may have to be told that it needs them no more. */
  newsOf(build: BuildId): void {
    for (const { slave, builds, request } of [...this.#waiting.values()]) {
      if (builds.has(build) || request.leases.length > 0) {
        this.release(slave, 'news');
      }
    }
  }

  /** Divides what can be handed out among those that wait, soon. */
  dispatchSoon(master: MasterState): void {
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = null;
      this.#dispatch(master);
    });
  }

  close(): void {
    this.#closed = true;
    if (this.#scheduled !== null) {
      clearImmediate(this.#scheduled);
    }
    for (const { slave } of [...this.#waiting.values()]) {
      this.release(slave, 'over');
    }
  }

  #leave(slave: RegisteredSlave): void {
    this.#waiting.delete(slave);
    this.#wanting.delete(slave);
  }

  #dispatch(master: MasterState): void {
    const view = {
      builds: [...master.builds.values()].map(({ work }) => work),
      nextLease: () => master.nextLease(),
      steady: seconds(master.steady),
    };
    // An atom that runs again goes to another slave if one waits.
    const rounds = view.builds.some(({ hasRetries }) => hasRetries) ? [false, true] : [true];
    for (const allowExcluded of rounds) {
      this.#offer(master, view, allowExcluded);
    }
  }

  #offer(master: MasterState, view: Parameters<typeof hasWork>[0], allowExcluded: boolean): void {
    for (const { slave, request } of [...this.#wanting.values()]) {
      if (this.#closed || !hasWork(view)) {
        return;
      }
      const taken = takeWork(master, slave, request, allowExcluded);
      if (taken !== null) {
        this.release(slave, taken);
      }
    }
  }
}
