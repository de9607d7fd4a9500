import type { BuildId, LeaseId } from '../../protocol/ids.js';
import type { Assignment, LeaseRef } from '../../protocol/slave/slave-messages.js';

/** A lease that this slave works on. */
export interface HeldLease {
  readonly assignment: Assignment;
  readonly executor: number;
  /** Aborted when the lease is over or the slave stops: its processes end. */
  readonly cancel: AbortController;
  /** Aborted when it is to be ended early: its processes end, and what there is of it is delivered. */
  readonly interrupt: AbortController;
  /** Settles when nothing of it runs any more. */
  done: Promise<void>;
}

/** The leases that this slave works on now, from the assignment until the result is in the outbox. */
export class ActiveLeases {
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

  interrupt({ lease_id }: LeaseRef): void {
    this.#held.get(lease_id)?.interrupt.abort(new Error('The build is being ended.'));
  }

  cancel({ lease_id }: LeaseRef): void {
    this.#held.get(lease_id)?.cancel.abort(new Error('The lease is over.'));
  }
}
