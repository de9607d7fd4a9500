import type { AtomId, SubjobId } from '../protocol/ids.js';

/**
 * The verdicts of one build that slaves have reported and that are not final, since the results of their subjobs are
 * not accepted. A verdict stays when its slave is lost: it counts until a later attempt reports another one. Bounded
 * by the atoms of subjobs that were leased and are not done.
 */
export class ReportedVerdicts {
  readonly #bySubjob = new Map<SubjobId, Map<AtomId, number>>();
  #size = 0;
  #failed = 0;

  get size(): number {
    return this.#size;
  }

  /** How many of them are failures. */
  get failed(): number {
    return this.#failed;
  }

  has(subjob: SubjobId, atom: AtomId): boolean {
    return this.#bySubjob.get(subjob)?.has(atom) ?? false;
  }

  /** The latest report of an atom counts. */
  note(subjob: SubjobId, atom: AtomId, exitCode: number): void {
    const ofSubjob = this.#bySubjob.get(subjob) ?? new Map<AtomId, number>();
    this.#bySubjob.set(subjob, ofSubjob);
    const before = ofSubjob.get(atom);
    this.#size += before === undefined ? 1 : 0;
    this.#failed += Number(exitCode !== 0) - Number(before !== undefined && before !== 0);
    ofSubjob.set(atom, exitCode);
  }

  /** The subjob is done, so that its atoms have final verdicts. Returns how many were reported, and had failed. */
  settle(subjob: SubjobId): { readonly reported: number; readonly failed: number } {
    const codes = [...(this.#bySubjob.get(subjob)?.values() ?? [])];
    const failed = codes.filter((code) => code !== 0).length;
    this.#bySubjob.delete(subjob);
    this.#size -= codes.length;
    this.#failed -= failed;
    return { reported: codes.length, failed };
  }
}
