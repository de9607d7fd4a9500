import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { stripControlChars } from '../../lib/text/strip-control-chars.js';
import type { Build } from '../../protocol/build/build.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { exitCode } from '../exit-codes.js';
import type { OutcomeSoFar } from './outcome.js';
import type { ProgressDisplay } from './progress/progress-display.js';
import { copyJunit, hasEarlierResults } from './results/fetch-results.js';
import { REPORT } from './results/report/write-report.js';
import type { ResultDownload } from './results/result-download.js';
import type { ResultPlace } from './results/result-place.js';
import type { Unpacked } from './results/unpack-results.js';
import { printInterrupted, printVerdict, type VerdictOptions } from './verdict.js';

export interface ReportContext {
  readonly options: { readonly junit?: string };
  /** For people. */
  readonly out: NodeJS.WriteStream;
  readonly display: ProgressDisplay;
  readonly known: OutcomeSoFar;
  readonly place: ResultPlace;
  readonly interrupt: AbortSignal;
}

/** Verdicts so far count, and their results are fetched; the exit code is that of an interrupted command. */
export async function reportInterrupted(
  download: ResultDownload,
  build: Build,
  elapsed: number,
  isLocal: boolean,
  { options: { junit }, out, known, place }: ReportContext,
): Promise<number> {
  const hasRun = build.num_atoms_done > 0 || (build.interrupted_atoms ?? []).length > 0;
  if (!hasRun) {
    out.write(`Build ${build.id} is canceled.${await noteWithoutResults(download, build, place, known)}\n`);
    return exitCode.interrupted;
  }
  const fetched = await fetchOrProblem(download, build, place, known);
  const problem =
    fetched.problem ?? (junit === undefined ? null : junitProblem(place.directory, junit, known));
  printInterrupted(build, { out, place, elapsed, ...shownResults(known) });
  reportResultProblems(build, fetched, problem, isLocal ? null : place);
  return exitCode.interrupted;
}

/** Fetches the results, and prints the verdict. @returns the exit code @throws ClusterRunnerError as printVerdict */
export async function report(
  download: ResultDownload,
  build: Build,
  elapsed: number,
  isLocal: boolean,
  { options: { junit }, out, display, known, place, interrupt }: ReportContext,
): Promise<number> {
  if (build.state === 'ERROR') {
    const note = await noteWithoutResults(download, build, place, known);
    throw new ClusterRunnerError(
      'PREPARATION_FAILED',
      `Build ${build.id} could not be run: ${build.error_message ?? 'the master gives no reason.'}${note}`,
    );
  }
  const fetched = await fetchOrProblem(download, build, place, known);
  display.end();
  if (interrupt.aborted && fetched.problem !== null) {
    out.write(`Build ${build.id} has ended; its results were not fetched.${previousResultsNote(place)}\n`);
    return exitCode.interrupted;
  }
  const problem =
    fetched.problem ?? (junit === undefined ? null : junitProblem(place.directory, junit, known));
  try {
    const code = printVerdict(build, { out, place, elapsed, ...shownResults(known) });
    return problem !== null && code === exitCode.success ? exitCode.couldNotRun : code;
  } finally {
    reportResultProblems(build, fetched, problem, isLocal ? null : place);
  }
}

/** Prints what is wrong with the fetched results, or why they are missing. `again`: where they can be fetched to later. */
function reportResultProblems(
  build: Build,
  fetched: { readonly problem: ClusterRunnerError | null } & Unpacked,
  problem: ClusterRunnerError | null,
  again: ResultPlace | null,
): void {
  if (fetched.refused > 0) {
    process.stderr.write(
      `clusterrunner: ${fetched.refused} entries of the archive would have led out of the folder, and were skipped.\n`,
    );
  }
  for (const note of [fetched.leftOut, fetched.left]) {
    if (note !== null) {
      process.stderr.write(`clusterrunner: ${stripControlChars(note)}\n`);
    }
  }
  if (problem !== null) {
    const what = stripControlChars(problem.message).replace(/[^.]$/, '$&.');
    const isMissing = fetched.problem !== null && again !== null;
    const advice = isMissing ? ` \`${commandFor(build, again)}\` fetches them when that is fixed.` : '';
    process.stderr.write(`clusterrunner: ${what}${stripControlChars(advice)}\n`);
  }
}

function commandFor(build: Build, { isUsual, word }: ResultPlace): string {
  return `clusterrunner results ${build.id}${isUsual ? '' : ` --output ${word()}`}`;
}

/** Fetches the results. A failure is returned, since the verdict is known and must be printed. */
async function fetchOrProblem(
  download: ResultDownload,
  build: Build,
  place: ResultPlace,
  known: OutcomeSoFar,
): Promise<{ problem: ClusterRunnerError | null } & Unpacked> {
  try {
    const unpacked = await download.take(build);
    known.results = place.directory;
    const report = join(place.directory, REPORT);
    known.report = existsSync(report) ? report : null;
    return { problem: null, ...unpacked };
  } catch (error) {
    if (error instanceof ClusterRunnerError) {
      known.problem = error.message;
      return { problem: error, refused: 0, leftOut: null, left: null };
    }
    throw error;
  }
}

function junitProblem(target: string, file: string, known: OutcomeSoFar): ClusterRunnerError | null {
  try {
    copyJunit(target, file);
    return null;
  } catch (error) {
    if (error instanceof ClusterRunnerError) {
      known.problem = error.message;
      return error;
    }
    throw error;
  }
}

function shownResults({ results, report }: OutcomeSoFar): Pick<VerdictOptions, 'hasResults' | 'hasReport'> {
  return { hasResults: results !== null, hasReport: report !== null };
}

/** Writes the report of a build without results, and says what is in the folder of results, for those who publish it. */
async function noteWithoutResults(
  download: ResultDownload,
  build: Build,
  place: ResultPlace,
  known: OutcomeSoFar,
): Promise<string> {
  if (await download.reportAlone(build)) {
    known.report = join(place.directory, REPORT);
  }
  const except = known.report === null ? '' : `, except for ${REPORT}`;
  return hasEarlierResults(place.directory)
    ? `\n${stripControlChars(place.shown)} has the results of an earlier build${except}.`
    : '';
}

/** Warns that the folder is of an earlier build. */
function previousResultsNote({ directory, shown }: ResultPlace): string {
  return existsSync(directory) ? `\n${stripControlChars(shown)} has the results of an earlier build.` : '';
}
