/* Builds and jobs of which no atom has run, whose results say nothing about tests. */

interface EndedBuild {
  readonly result: 'SUCCESS' | 'FAILURE' | null;
  /** null when they were not listed. */
  readonly num_atoms: number | null;
}

/** A job of the history. */
export interface RecordedJob {
  /** Those with runs. */
  readonly num_atoms: number;
  readonly last_build: { readonly num_atoms_done: number } | null;
}

/** Whether a build is a success because it has no atoms. */
export function passedWithoutAtoms({ result, num_atoms: atoms }: EndedBuild): boolean {
  return result === 'SUCCESS' && atoms === 0;
}

/** Whether no run of an atom is known of a job: its builds had none, or ended before. */
export function hasNoRuns({ num_atoms: atoms, last_build: last }: RecordedJob): boolean {
  return atoms === 0 && (last?.num_atoms_done ?? 0) === 0;
}
