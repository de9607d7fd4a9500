import type { BuildState } from './build/build.js';
import type { Revision } from './build/revision.js';
import type { AtomOutcome } from './build/work.js';
import type { TestCounts } from './results/result-facts.js';

/*
 * The data in `build_results/report.html`: a command writes it, and the page in the same file shows it. Both are of one version.
 */

/** The atoms of a build, one list for each property, which is smaller than a list of objects. */
export interface ReportAtoms {
  readonly ids: readonly number[];
  readonly names: readonly string[];
  /** null for an atom that has not run. */
  readonly outcomes: readonly (AtomOutcome | null)[];
  readonly exit_codes: readonly (number | null)[];
  /** How long each ran, in seconds. */
  readonly seconds: readonly (number | null)[];
  /** Places in `slave_names`; -1 where none is known. */
  readonly slaves: readonly number[];
  readonly slave_names: readonly string[];
  /** With the id, the folder of the results: `artifact_<subjob>_<id>`. */
  readonly subjobs: readonly number[];
  readonly retries: readonly number[];
}

/** Failed atoms whose outputs end alike, or one that was lost. */
export interface ReportFailure {
  /** The names of the first few. */
  readonly names: readonly string[];
  readonly num_atoms: number;
  /** LOST, or FAILED. */
  readonly outcome: 'FAILED' | 'LOST';
  /** Seconds that the first one ran. */
  readonly seconds: number | null;
  readonly slave: string | null;
  readonly exit_code: number | null;
  /** The last lines that the first one printed; for a lost one what has happened. */
  readonly lines: readonly string[];
  /** The folder of the first one, and files in it; null and empty where there is none. */
  readonly folder: string | null;
  readonly files: readonly string[];
}

export interface ReportData {
  readonly build: {
    readonly id: number;
    readonly state: BuildState;
    readonly result: 'SUCCESS' | 'FAILURE' | null;
    readonly job: string | null;
    readonly project: string | null;
    readonly requested_by: string | null;
    readonly revision: Revision | null;
    readonly error: string | null;
    /** Seconds since the epoch. */
    readonly queued_at: number | null;
    readonly ended_at: number | null;
    readonly num_atoms: number | null;
    readonly num_atoms_done: number;
    readonly num_atoms_failed: number;
    readonly num_atoms_lost: number;
    readonly num_atoms_flaky: number;
    readonly tests: TestCounts | null;
  };
  readonly failures: readonly ReportFailure[];
  readonly atoms: ReportAtoms;
  /** A sentence for each part that was left out. */
  readonly notes: readonly string[];
}
