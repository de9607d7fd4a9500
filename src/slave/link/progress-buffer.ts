import type { AtomId, LeaseId } from '../../protocol/ids.js';
import type { LeaseRef, SubjobProgress } from '../../protocol/slave/slave-messages.js';

type AtomProgress = SubjobProgress['atoms'][number];

/**
 * Progress of atoms that can wait for the next poll: most slaves poll soon anyway, and a request of its own would cost the
 * master as much as the poll.
 */
export class ProgressBuffer {
  readonly #waiting = new Map<LeaseId, SubjobProgress>();
  /** For open leases: a failed poll must not restore progress that is older than the master has. */
  readonly #latest = new Map<LeaseId, Map<AtomId, AtomProgress>>();
  readonly #onDue: () => void;
  #isDue = false;

  /** `onDue` is called when progress has waited long enough for a poll. */
  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  /** Whether there is progress for which a poll is to be sent. */
  get isDue(): boolean {
    return this.#isDue && this.#waiting.size > 0;
  }

  /** Replaces what was added for the same atoms before. */
  add(progress: SubjobProgress): void {
    const { lease_id } = progress.lease;
    this.supersede(progress.lease, progress.atoms);
    const earlier = this.#waiting.get(lease_id)?.atoms ?? [];
    this.#waiting.set(lease_id, { ...progress, atoms: merge(earlier, progress.atoms) });
  }

  /** These atoms are reported by another request: older progress of them in a poll that fails is dropped. */
  supersede({ lease_id }: LeaseRef, atoms: readonly AtomProgress[]): void {
    const latest = this.#latest.get(lease_id) ?? new Map<AtomId, AtomProgress>();
    this.#latest.set(lease_id, latest);
    for (const atom of atoms) {
      latest.set(atom.id, atom);
    }
  }

  /** The progress of this lease waits no longer, if no poll has taken it. */
  markDue({ lease_id }: LeaseRef): void {
    if (this.#waiting.has(lease_id)) {
      this.#isDue = true;
      this.#onDue();
    }
  }

  /** Removes and returns the progress of a lease that no poll has taken: the caller reports it. */
  withdraw({ lease_id }: LeaseRef): readonly AtomProgress[] {
    const atoms = this.#waiting.get(lease_id)?.atoms ?? [];
    this.#waiting.delete(lease_id);
    return atoms;
  }

  /** Nothing more is reported of this lease but its result. */
  end(lease: LeaseRef): void {
    this.withdraw(lease);
    this.#latest.delete(lease.lease_id);
  }

  /** Removes and returns everything, for a poll that is sent now. */
  takeAll(): SubjobProgress[] {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#isDue = false;
    return all;
  }

  /** Puts back what a failed poll carried, unless newer progress of the same atoms has been reported since. */
  restore(progress: readonly SubjobProgress[]): void {
    for (const one of progress) {
      const { lease_id } = one.lease;
      const latest = this.#latest.get(lease_id);
      const atoms = one.atoms.filter((atom) => latest?.get(atom.id) === atom);
      if (atoms.length > 0) {
        this.#waiting.set(lease_id, {
          ...one,
          atoms: merge(atoms, this.#waiting.get(lease_id)?.atoms ?? []),
        });
      }
    }
  }
}

function merge(earlier: readonly AtomProgress[], later: readonly AtomProgress[]): AtomProgress[] {
  return [...new Map([...earlier, ...later].map((atom) => [atom.id, atom])).values()];
}
