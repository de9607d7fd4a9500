import type { AtomId, LeaseId, SubjobId } from '../protocol/ids.js';
import type { Ended } from './scheduling/remaining-time.js';

export interface ReportedVerdict {
  readonly exitCode: number;
  /** null for an atom that is to run again. */
  readonly seconds: number | null;
  /** Under which it was reported; null for an atom that is to run again, whose results are delivered. */
  readonly lease: LeaseId | null;
}

/**
 * The verdicts of one build that slaves have reported and that are not final, since the results of their subjobs are
 * not accepted yet. A verdict stays when its slave is lost, and counts until a later attempt reports another one. There
 * are no more of them than atoms in subjobs that were leased and are not done.
 */
export class ReportedVerdicts {
  readonly #bySubjob = new Map<SubjobId, Map<AtomId, ReportedVerdict>>();
  #size = 0;
  #failed = 0;
  #seconds = 0;
  #timed = 0;

  get size(): number {
    return this.#size;
  }

  /** How many of them are failures. */
  get failed(): number {
    return this.#failed;
  }

  /** How long they took, without those that are to run again. */
  get ended(): Ended {
    return { seconds: this.#seconds, atoms: this.#timed };
  }

  has(subjob: SubjobId, atom: AtomId): boolean {
    return this.#bySubjob.get(subjob)?.has(atom) ?? false;
  }

  find(subjob: SubjobId, atom: AtomId): ReportedVerdict | undefined {
    return this.#bySubjob.get(subjob)?.get(atom);
  }

  hasFailed(subjob: SubjobId, atom: AtomId): boolean {
    return (this.#bySubjob.get(subjob)?.get(atom)?.exitCode ?? 0) !== 0;
  }

  /** The latest report of an atom replaces earlier ones. */
  note(subjob: SubjobId, atom: AtomId, verdict: ReportedVerdict): void {
    const ofSubjob = this.#bySubjob.get(subjob) ?? new Map<AtomId, ReportedVerdict>();
    this.#bySubjob.set(subjob, ofSubjob);
    const before = ofSubjob.get(atom);
    if (before !== undefined) {
      this.#count(before, -1);
    }
    this.#count(verdict, 1);
    ofSubjob.set(atom, verdict);
  }

  /** The subjob is done, so its atoms have final verdicts. @returns how many had been reported, and as failed */
  settle(subjob: SubjobId): { readonly reported: number; readonly failed: number } {
    const verdicts = [...(this.#bySubjob.get(subjob)?.values() ?? [])];
    this.#bySubjob.delete(subjob);
    for (const verdict of verdicts) {
      this.#count(verdict, -1);
    }
    return { reported: verdicts.length, failed: verdicts.filter(({ exitCode }) => exitCode !== 0).length };
  }

  #count({ exitCode, seconds }: ReportedVerdict, sign: 1 | -1): void {
    this.#size += sign;
    this.#failed += exitCode === 0 ? 0 : sign;
    if (seconds !== null) {
      this.#seconds += sign * seconds;
      this.#timed += sign;
    }
  }
}
