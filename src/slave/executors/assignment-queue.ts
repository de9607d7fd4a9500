import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import type { Clock } from '../../lib/clock.js';
import type { Assignment, LeaseRef } from '../../protocol/slave/slave-messages.js';
import type { LeaseReturns } from '../link/lease-returns.js';
import { PREFETCH_MS } from './prefetcher.js';

/** An assignment that has not begun this long after it arrived is returned: another slave may be free to run it. */
const MAX_WAIT_MS = PREFETCH_MS + 1_000;

/** An assignment that an executor takes from the queue. */
export interface Arrived {
  readonly assignment: Assignment;
  /** In milliseconds of the monotonic clock. */
  readonly arrivedAt: number;
}

interface Waiting {
  readonly arrivedAt: number;
  /** Aborted when the assignment does not wait any more. */
  readonly left: AbortController;
}

/** Assignments that wait for a free executor, most of them requested ahead; first in, first out. */
export class AssignmentQueue {
  readonly #clock: Clock;
  readonly #leaseReturns: Pick<LeaseReturns, 'tryReturnLease'>;
  readonly #onReturned: () => void;
  readonly #waiting = new Map<Assignment, Waiting>();
  /** Still named to the master until it has acknowledged the return: it would take their assignment for lost otherwise. */
  readonly #returning = new Map<Assignment, AbortController>();

  /** `onReturned` is called when the return of an assignment has been acknowledged, or given up. */
  constructor(clock: Clock, leaseReturns: Pick<LeaseReturns, 'tryReturnLease'>, onReturned: () => void) {
    this.#clock = clock;
    this.#leaseReturns = leaseReturns;
    this.#onReturned = onReturned;
  }

  get size(): number {
    return this.#waiting.size;
  }

  refs(): LeaseRef[] {
    return [...this.#waiting.keys(), ...this.#returning.keys()].map(({ lease }) => lease);
  }

  add(assignment: Assignment): void {
    const left = new AbortController();
    this.#waiting.set(assignment, { arrivedAt: this.#clock.monotonic(), left });
    void this.#returnUnlessTaken(left, assignment);
  }

  /** Removes the oldest one; undefined when none waits. */
  take(): Arrived | undefined {
    const [first] = this.#waiting;
    if (first === undefined) {
      return undefined;
    }
    const [assignment, { arrivedAt }] = first;
    this.#remove(assignment);
    return { assignment, arrivedAt };
  }

  /** Removes the assignment of this lease; undefined when it does not wait. */
  drop({ lease_id }: LeaseRef): Assignment | undefined {
    const found = [...this.#waiting.keys()].find(({ lease }) => lease.lease_id === lease_id);
    if (found !== undefined) {
      this.#remove(found);
    }
    return found;
  }

  /** Removes all, and aborts returns that are under way: the slave stops. */
  takeAll(): Assignment[] {
    for (const ended of this.#returning.values()) {
      ended.abort();
    }
    const all = [...this.#waiting.keys()];
    for (const assignment of all) {
      this.#remove(assignment);
    }
    return all;
  }

  #remove(assignment: Assignment): void {
    this.#waiting.get(assignment)?.left.abort();
    this.#waiting.delete(assignment);
  }

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
    this.#onReturned();
  }
}
