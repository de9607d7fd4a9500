import type { LeaseId } from '../../protocol/ids.js';
import type { LeaseRef, SubjobProgress } from '../../protocol/slave/slave-messages.js';

/**
 * What has happened to atoms and can wait for the next question for work, which tells the master of it: most slaves ask
 * soon anyway, and a request of its own would cost the master as much as the question.
 */
export class ProgressBuffer {
  readonly #news = new Map<LeaseId, SubjobProgress>();
  #isDue = false;
  /** Called when no question has come by in time; whoever asks sets it. */
  onDue: () => void = () => undefined;

  /** There is something that has waited long enough. */
  get isDue(): boolean {
    return this.#isDue && this.#news.size > 0;
  }

  /** Of each atom the last word counts. */
  put(progress: SubjobProgress): void {
    const { lease_id } = progress.lease;
    const before = this.#news.get(lease_id)?.atoms ?? [];
    this.#news.set(lease_id, { ...progress, atoms: joined(before, progress.atoms) });
  }

  /** Its next question tells of it now, if none has since. */
  markDue({ lease_id }: LeaseRef): void {
    if (this.#news.has(lease_id)) {
      this.#isDue = true;
      this.onDue();
    }
  }

  /** Takes back what no question has told of a lease: something else will. */
  withdraw({ lease_id }: LeaseRef): SubjobProgress['atoms'] {
    const atoms = this.#news.get(lease_id)?.atoms ?? [];
    this.#news.delete(lease_id);
    return atoms;
  }

  /** All that there is, for a question that is sent now. */
  take(): SubjobProgress[] {
    const all = [...this.#news.values()];
    this.#news.clear();
    this.#isDue = false;
    return all;
  }

  /** That question was not answered. What is newer stays. */
  restore(progress: readonly SubjobProgress[]): void {
    for (const one of progress) {
      const { lease_id } = one.lease;
      const since = this.#news.get(lease_id)?.atoms ?? [];
      this.#news.set(lease_id, { ...one, atoms: joined(one.atoms, since) });
    }
  }
}

function joined(before: SubjobProgress['atoms'], after: SubjobProgress['atoms']): SubjobProgress['atoms'] {
  return [...new Map([...before, ...after].map((atom) => [atom.id, atom])).values()];
}
