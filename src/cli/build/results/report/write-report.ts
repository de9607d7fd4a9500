import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inPackage } from '../../../../lib/package-json.js';
import { rerunCommand } from '../../../../lib/text/rerun-command.js';
import type { Build } from '../../../../protocol/build/build.js';
import { ATOM_FOLDER } from '../../../../protocol/results/artifact.js';
import type { ResultPlace } from '../result-place.js';
import { fittingReport } from './fit-report.js';
import type { GatheredAtoms } from './report-atoms.js';
import { findGroups } from './report-groups.js';

/** The name of the report in the folder of the results. */
export const REPORT = 'report.html';
/** Ends the name of a report while it is written. */
export const TEMPORARY_SUFFIX = '.new';
/** Bytes of a report. */
export const MAX_HTML_BYTES = 8 * 1024 ** 2;
/** The place of the data in the page that `scripts/report.mjs` makes. */
const DATA_PLACE = '{{data}}';

/** Other files about the whole build, such as the outputs of setups. */
const FILE_OF_BUILD = /\.(xml|txt)$/;
/** So many of these files are named. */
const MAX_FILES = 50;

export interface ReportTarget {
  /** Where the report is written. */
  readonly directory: string;
  /** Where it will be. */
  readonly place: Pick<ResultPlace, 'word'>;
  /** The URL of the master, if it goes on after the command. */
  readonly masterUrl: string | null;
  /** Whether the results of the build are beside the report. */
  readonly hasResults: boolean;
  /** Sentences about parts that are missing. */
  readonly leftOut: readonly string[];
}

/**
 * Writes one page about a build that has ended, beside the folders of its atoms. It needs no master and no other file, and
 * replaces an earlier one at once.
 * @throws the file system's error; the signal's reason
 */
export async function writeReport(
  build: Build,
  atoms: GatheredAtoms,
  { directory, place, masterUrl, hasResults, leftOut }: ReportTarget,
  signal: AbortSignal,
): Promise<void> {
  const names = hasResults ? readdirSync(directory) : [];
  const folders = new Set(names.filter((name) => ATOM_FOLDER.test(name)));
  const files = names.filter((name) => FILE_OF_BUILD.test(name)).sort();
  const hasFolder = (name: string) => folders.has(name);
  const { groups, total } = await findGroups(build, { directory, place, hasFolder }, signal);
  const rerun = masterUrl === null || build.num_atoms_failed === 0 ? null : rerunCommand(build.id, masterUrl);
  const [before = '', after = ''] = readPage().split(DATA_PLACE);
  const room = MAX_HTML_BYTES - Buffer.byteLength(before + after);
  const data = fittingReport(
    { build, atoms, groups, numGroups: total, rerun, hasFolder, files: files.slice(0, MAX_FILES), leftOut },
    room,
  );
  replaceReport(join(directory, REPORT), before + data + after);
}

function replaceReport(file: string, html: string): void {
  const temporary = file + TEMPORARY_SUFFIX;
  try {
    writeFileSync(temporary, html);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** The page without data, which is made at compile time. */
function readPage(): string {
  return readFileSync(inPackage(`dist/report/${REPORT}`), 'utf8');
}
