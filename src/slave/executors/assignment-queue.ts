import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import type { Clock } from '../../lib/clock.js';
import type { Assignment, LeaseRef } from '../../protocol/slave/slave-messages.js';
import type { LeaseReturns } from '../link/lease-returns.js';
import { PREFETCH_MS } from './prefetcher.js';

/** What was taken ahead and has not begun this long after it came goes back: others may be free to run it. */
const MAX_WAIT_MS = PREFETCH_MS + 1_000;

/** Assignments that came while no executor was free, most of them asked for ahead; first in, first out. */
export class AssignmentQueue {
  readonly #clock: Clock;
  readonly #leaseReturns: Pick<LeaseReturns, 'tryReturnLease'>;
  readonly #changed: () => void;
  /** Aborted when one is not waiting any more. */
  readonly #waiting = new Map<Assignment, AbortController>();
  /** Named until the master has them: it would think that they never arrived. */
  readonly #returning = new Map<Assignment, AbortController>();

  /** `changed` is called when one has been given back. */
  constructor(clock: Clock, leaseReturns: Pick<LeaseReturns, 'tryReturnLease'>, changed: () => void) {
    this.#clock = clock;
    this.#leaseReturns = leaseReturns;
    this.#changed = changed;
  }

  get size(): number {
    return this.#waiting.size;
  }

  refs(): LeaseRef[] {
    return [...this.#waiting.keys(), ...this.#returning.keys()].map(({ lease }) => lease);
  }

  add(assignment: Assignment): void {
    const left = new AbortController();
    this.#waiting.set(assignment, left);
    void this.#returnUnlessTaken(left, assignment);
  }

  /** The one that waits longest; undefined when none does. */
  take(): Assignment | undefined {
    const [first] = this.#waiting.keys();
    if (first !== undefined) {
      this.#leave(first);
    }
    return first;
  }

  /** It is not to begin any more. undefined when it does not wait. */
  drop({ lease_id }: LeaseRef): Assignment | undefined {
    const found = [...this.#waiting.keys()].find(({ lease }) => lease.lease_id === lease_id);
    if (found !== undefined) {
      this.#leave(found);
    }
    return found;
  }

  /** All of them, and ends what is being given back: the slave stops. */
  takeAll(): Assignment[] {
    for (const ended of this.#returning.values()) {
      ended.abort();
    }
    const all = [...this.#waiting.keys()];
    for (const assignment of all) {
      this.#leave(assignment);
    }
    return all;
  }

  #leave(assignment: Assignment): void {
    this.#waiting.get(assignment)?.abort();
    this.#waiting.delete(assignment);
  }

  /** Never rejects but for a fault of the clock. */
  async #returnUnlessTaken(left: AbortController, assignment: Assignment): Promise<void> {
    const { signal } = left;
    if (!(await sleepUnlessAborted(this.#clock, MAX_WAIT_MS, signal))) {
      return;
    }
    this.#waiting.delete(assignment);
    this.#returning.set(assignment, left);
    await this.#leaseReturns.tryReturnLease(
      assignment,
      'not_begun',
      'No executor came free in time.',
      signal,
    );
    this.#returning.delete(assignment);
    this.#changed();
  }
}
