import type { BuildId, LeaseId } from '../../protocol/ids.js';
import type { Assignment, LeaseRef } from '../../protocol/slave/slave-messages.js';

/** A lease on which an executor of this slave works. */
export interface HeldLease {
  readonly assignment: Assignment;
  readonly executor: number;
  /** When the lease had arrived, in milliseconds of the monotonic clock. */
  readonly arrivedAt: number;
  /** Aborted when the lease is over, or a preparation's slave stops: its processes end, and nothing is delivered. */
  readonly cancel: AbortController;
  /** Aborted when the lease is ended early: its processes end, and its partial result is delivered. */
  readonly interrupt: AbortController;
  /** Resolves when nothing of it runs any more. */
  done: Promise<void>;
}

/** The leases that occupy an executor, or whose results are being packed. */
export class HeldLeases {
  readonly #held = new Map<LeaseId, HeldLease>();

  add(lease: HeldLease): void {
    this.#held.set(lease.assignment.lease.lease_id, lease);
  }

  remove({ lease_id }: LeaseRef): void {
    this.#held.delete(lease_id);
  }

  all(): HeldLease[] {
    return [...this.#held.values()];
  }

  has({ lease_id }: LeaseRef): boolean {
    return this.#held.has(lease_id);
  }

  ofBuild(build: BuildId): HeldLease[] {
    return this.all().filter(({ assignment }) => assignment.build_id === build);
  }

  refs(): LeaseRef[] {
    return this.all().map(({ assignment }) => assignment.lease);
  }

  /** undefined when it is not held. */
  interrupt({ lease_id }: LeaseRef): HeldLease | undefined {
    const held = this.#held.get(lease_id);
    held?.interrupt.abort(new Error('The build is being ended.'));
    return held;
  }

  cancel({ lease_id }: LeaseRef): void {
    this.#held.get(lease_id)?.cancel.abort(new Error('The lease is over.'));
  }
}
