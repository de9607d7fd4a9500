import type { FrontCoded } from '../../lib/text/front-coding.js';
import type { Build } from '../build/build.js';

/*
 * The data in `report.html`: a command writes it, and the page in the same file shows it, so both are of one version.
 */

/** The atoms of a build by id, one list for each property, which is smaller than a list of objects. */
export interface ReportAtoms {
  readonly names: FrontCoded;
  /** The difference of each id to the one before; the first to -1. */
  readonly ids: readonly number[];
  /** The difference of the subjob of each atom to that of the one before; the first to 0. */
  readonly subjobs: readonly number[];
  /**
   * A letter for each atom: the first one of its outcome, C for a cached one, or N for none. It is in lower case for an atom without a folder
   * beside the report.
   */
  readonly outcomes: string;
  /** Hundredths of a second that each ran; -1 where that is not known. */
  readonly times: readonly number[];
  /** Places in `slave_names`; -1 where none is known. */
  readonly slaves: readonly number[];
  readonly slave_names: readonly string[];
  /** Place and code of each atom with an exit code other than 0. */
  readonly exit_codes: readonly (readonly [number, number])[];
  /** Place and number of each atom that ran again because it had failed. */
  readonly retries: readonly (readonly [number, number])[];
}

/** Failed atoms whose outputs end alike. */
export interface ReportedGroup {
  /** `silent`, `lost` or `unknown` as in the API, `rest` for atoms that were not compared, or any other text. */
  readonly key: string;
  readonly num_atoms: number;
  /** The last lines of the output of the first one, with their colors. */
  readonly lines: readonly string[];
  /** The error of the first one, if it was lost. */
  readonly error: string | null;
  /** Places of its atoms in the list of atoms. */
  readonly places: readonly number[];
  /** The command that runs the first one again by hand; null without its results. */
  readonly rerun: string | null;
  /** The folder of the first one; null when it is not beside the report. */
  readonly folder: string | null;
  /** Paths of some files in that folder, without those that the program adds. */
  readonly files: readonly string[];
}

/** An atom that is listed apart from the others. */
export interface ReportListed {
  readonly id: number;
  readonly name: string;
  readonly folder: string | null;
  readonly error: string | null;
}

export interface ReportData {
  /** Without its lists of atoms, and without parts of the request that the page does not show. */
  readonly build: Build;
  /** The version of the command that wrote it. */
  readonly version: string;
  /** The command that runs the failed atoms again; null when its master has ended. */
  readonly rerun: string | null;
  /** The first few, largest first. */
  readonly groups: readonly ReportedGroup[];
  readonly num_groups: number;
  readonly atoms: ReportAtoms;
  /** The first few that passed when they ran again, with the folders of their first failures. */
  readonly flaky: readonly ReportListed[];
  /** The first few that were running when the build was ended. */
  readonly interrupted: readonly ReportListed[];
  /** Names of other files about the whole build that are beside the report. */
  readonly files: readonly string[];
  /** A sentence for each part that was left out. */
  readonly left_out: readonly string[];
}
