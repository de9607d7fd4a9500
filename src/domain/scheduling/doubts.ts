import type { SlaveId, SubjobId } from '../../protocol/ids.js';
import type { Task } from '../lease.js';

/** A subjob as far as it matters here. */
interface DoubtfulSubjob {
  readonly task: Task;
  readonly excludedSlave?: SlaveId;
}

/** The suspect slaves of a build, and its subjobs in doubt: those that nobody but a suspect slave holds. */
export class Doubts {
  readonly #find: (id: SubjobId) => DoubtfulSubjob;
  readonly #suspects = new Set<SlaveId>();
  readonly #subjobs = new Set<SubjobId>();

  constructor(find: (id: SubjobId) => DoubtfulSubjob) {
    this.#find = find;
  }

  /** How many subjobs are in doubt. */
  get size(): number {
    return this.#subjobs.size;
  }

  get suspects(): Iterable<SlaveId> {
    return this.#suspects;
  }

  /** `leased`: the subjobs that anybody holds, here and in `trust`. */
  suspect(slave: SlaveId, leased: Iterable<SubjobId>): void {
    this.#suspects.add(slave);
    this.#noteAll(leased);
  }

  trust(slave: SlaveId, leased: Iterable<SubjobId>): void {
    this.#suspects.delete(slave);
    this.#noteAll(leased);
  }

  isInDoubt({ holders: [holder, duplicate] }: Task): boolean {
    return holder !== undefined && duplicate === undefined && this.#suspects.has(holder.slave);
  }

  /** Must be called whenever the holders of a subjob have changed. */
  note(id: SubjobId): void {
    if (this.isInDoubt(this.#find(id).task)) {
      this.#subjobs.add(id);
    } else {
      this.#subjobs.delete(id);
    }
  }

  /**
   * A subjob in doubt that may start on this slave too, the one longest in doubt first; null when there is none. Those that
   * failed on the slave come last, or with `allowExcluded` false not at all.
   */
  findFor(slave: SlaveId, allowExcluded: boolean): SubjobId | null {
    let excluded: SubjobId | null = null;
    for (const id of this.#subjobs) {
      const { task, excludedSlave } = this.#find(id);
      if (excludedSlave === slave) {
        excluded ??= id;
      } else if (task.holders[0]?.slave !== slave) {
        return id;
      }
    }
    return allowExcluded ? excluded : null;
  }

  #noteAll(leased: Iterable<SubjobId>): void {
    for (const id of leased) {
      this.note(id);
    }
  }
}
