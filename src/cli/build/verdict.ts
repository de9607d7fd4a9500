import { durationText } from '../../lib/text/duration-text.js';
import { stripControlChars } from '../../lib/text/strip-control-chars.js';
import type { Build } from '../../protocol/build/build.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { NOTES_FILE } from '../../protocol/results/archive-names.js';
import { exitCode } from '../exit-codes.js';
import { showsColors } from '../text/shows-colors.js';
import { failureReport, flakyReport, interruptedReport } from './failures.js';
import type { OutcomeSoFar } from './outcome.js';
import { REPORT } from './results/report/write-report.js';
import type { ResultPlace } from './results/result-place.js';

/** How the end of a build is printed. */
export interface VerdictOptions {
  readonly out: NodeJS.WriteStream;
  readonly place: ResultPlace;
  /** Whether the results were fetched. */
  readonly hasResults: boolean;
  /** Whether their report was written. */
  readonly hasReport: boolean;
  /** Seconds since the command began. */
  readonly elapsed: number;
}

/**
 * Prints how a build has ended, with the report of its failed atoms. @returns the exit code
 * @throws ClusterRunnerError CONFLICT for a build that was ended before anything failed
 */
export function printVerdict(build: Build, telling: VerdictOptions): number {
  const { out, place } = telling;
  const atoms = atomCount(build);
  const tail = tailOf(telling);
  const flaky = flakyReport(build.flaky_atoms ?? [], build.atom_variables, place);
  if (flaky !== '') {
    out.write(`${flaky}\n\n`);
  }
  for (const line of factLines(build, place)) {
    out.write(`${line}\n`);
  }
  if (build.result === 'SUCCESS') {
    out.write(`SUCCESS: ${atoms} passed${detailsOfPassed(build)} ${tail}\n`);
    if (build.num_atoms === 0) {
      out.write(`${reasonForNoAtoms(build)}, so nothing was tested.\n`);
    }
    return exitCode.success;
  }
  printFailures(build, telling);
  printInterruptedAtoms(build, telling);
  if (build.state === 'CANCELED') {
    const why = build.error_message ?? 'The build was canceled.';
    const counts = endedCounts(build);
    if (build.num_atoms_failed === 0) {
      // The rest might have failed.
      throw new ClusterRunnerError('CONFLICT', `${why} ${counts}, ${tail}`);
    }
    out.write(`FAILURE: ${stripControlChars(why)}\n${counts}, ${tail}\n`);
    return exitCode.testsFailed;
  }
  const { num_atoms_cached: cached } = build;
  const of = cached === 0 ? atoms : `${atoms} (${cached} cached)`;
  out.write(`FAILURE: ${failureCounts(build, of)} ${tail}\n`);
  return exitCode.testsFailed;
}

/** The same for a build that was canceled because its command was interrupted. */
export function printInterrupted(build: Build, telling: VerdictOptions): void {
  printFailures(build, telling);
  printInterruptedAtoms(build, telling);
  telling.out.write(`${endedCounts(build)}, ${tailOf(telling)}\n`);
  telling.out.write(`Build ${build.id} is canceled.\n`);
}

/** The message at a second interrupt; null when there is no build yet, or nothing is missing. */
export function leavingMessage({ id, build, results, url }: OutcomeSoFar): string | null {
  if (id === null || results !== null) {
    return null;
  }
  if (build !== null) {
    return `Build ${id} has ended; its results were not fetched.`;
  }
  // A master in this process ends with the command, and the build too.
  if (url === null) {
    return `Build ${id} is canceled; its results were not fetched.`;
  }
  // The response comes when the slaves have delivered, so it is unknown whether the request was accepted.
  return `The master has not confirmed yet that build ${id} is canceled; \`clusterrunner status ${id}\` says whether it is.`;
}

function tailOf({ elapsed, hasResults, hasReport, place }: VerdictOptions): string {
  const report = hasReport ? ` (${REPORT})` : '';
  return `in ${durationText(elapsed)}.${hasResults ? ` Results: ${stripControlChars(place.shown)}${report}` : ''}`;
}

function printFailures(build: Build, { out, place }: VerdictOptions): void {
  const failed = build.failed_atoms ?? [];
  if (failed.length > 0) {
    const colors = showsColors(out);
    const isElsewhere = build.request_params.type !== 'directory';
    out.write(`${failureReport(failed, build.atom_variables, place, isElsewhere, colors)}\n\n`);
  }
}

/** Names the atoms that were running at an early end: one of them may have hung. */
function printInterruptedAtoms(build: Build, { out, place }: VerdictOptions): void {
  const cut = build.interrupted_atoms ?? [];
  if (cut.length > 0) {
    // The report of failures ends with an empty line.
    const gap = (build.failed_atoms ?? []).length > 0 ? '' : '\n';
    out.write(`${gap}${interruptedReport(cut, build.atom_variables, place)}\n\n`);
  }
}

function atomCount({ num_atoms: atoms }: Build): string {
  return `${atoms ?? 0} ${atoms === 1 ? 'atom' : 'atoms'}`;
}

function reasonForNoAtoms({ affected }: Build): string {
  const unaffected = affected?.num_unaffected ?? 0;
  return unaffected === 0
    ? 'The atomizers printed nothing'
    : `The changed files affect none of the ${unaffected} atoms of the job`;
}

function endedCounts(build: Build): string {
  return `${build.num_atoms_done} of ${atomCount(build)} had ended, ${failureCounts(build, 'them')}`;
}

/** `3 of 9 atoms failed`, `… and 1 was lost`: a lost atom need not be faulty. */
function failureCounts({ num_atoms_failed: all, num_atoms_lost: lost }: Build, atoms: string): string {
  const failed = `${all - lost} of ${atoms} failed`;
  return lost === 0 ? failed : `${failed} and ${lost} ${lost === 1 ? 'was' : 'were'} lost`;
}

/** `, 2 of them only when run again, 90 of them cached,`; empty when there is nothing to say. */
function detailsOfPassed({ num_atoms_flaky: flaky, num_atoms_cached: cached }: Build): string {
  const details = [
    ...(flaky === 0 ? [] : [`${flaky} of them only when run again`]),
    ...(cached === 0 ? [] : [`${cached} of them cached`]),
  ];
  return details.length === 0 ? '' : `, ${details.join(', ')},`;
}

/** Facts of the results that do not change the verdict. */
function factLines(
  { tests, num_bad_reports: bad, num_left_out: leftOut }: Build,
  { shown }: ResultPlace,
): string[] {
  const where = `see ${stripControlChars(shown)}*/${NOTES_FILE}`;
  const lines: string[] = [];
  if (tests !== null) {
    const { failures, errors, skipped } = tests;
    lines.push(
      `${tests.tests} tests in the reports of the atoms: ${failures} failures, ${errors} errors, ${skipped} skipped.`,
    );
  }
  if (bad > 0) {
    lines.push(`${bad} ${bad === 1 ? 'report' : 'reports'} of tests could not be read; ${where}.`);
  }
  if (leftOut > 0) {
    lines.push(`${leftOut} ${leftOut === 1 ? 'file is' : 'files are'} not whole in the results; ${where}.`);
  }
  return lines;
}
