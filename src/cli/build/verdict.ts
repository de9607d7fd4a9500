import { printable } from '../../lib/printable.js';
import type { Build } from '../../protocol/build.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { exitCode } from '../exit-codes.js';
import { showsColors } from '../shows-colors.js';
import { failureReport, flakyReport, interruptedReport } from './failures.js';
import { duration } from './progress.js';

/** Where `build` puts the results, in the current folder. */
export const RESULTS_DIRECTORY = 'build_results';

/**
 * Prints how a build has ended, with what a person needs to see of its failed atoms. `target` is where the results are
 * if they could be fetched, `elapsed` in seconds. Answers the exit code.
 * @throws ClusterRunnerError CONFLICT for one that was ended before anything failed
 */
export function sayVerdict(build: Build, target: string, elapsed: number, hasResults: boolean): number {
  const atoms = atomCount(build);
  const tail = `in ${duration(elapsed)}.${hasResults ? ` Results: ./${RESULTS_DIRECTORY}/` : ''}`;
  const flaky = flakyReport(build.flaky_atoms ?? [], build.atom_variables, RESULTS_DIRECTORY);
  if (flaky !== '') {
    process.stdout.write(`${flaky}\n\n`);
  }
  for (const line of factLines(build)) {
    process.stdout.write(`${line}\n`);
  }
  if (build.result === 'SUCCESS') {
    process.stdout.write(`SUCCESS: ${atoms} passed${flakyCount(build)} ${tail}\n`);
    if (build.num_atoms === 0) {
      process.stdout.write('The atomizers printed nothing, so nothing was tested.\n');
    }
    return exitCode.success;
  }
  sayFailures(build, target);
  sayCutOff(build);
  if (build.state === 'CANCELED') {
    const why = build.error_message ?? 'The build was canceled.';
    const counts = endedCounts(build);
    if (build.num_atoms_failed === 0) {
      // Whether the rest would have passed nobody knows.
      throw new ClusterRunnerError('CONFLICT', `${why} ${counts}, ${tail}`);
    }
    process.stdout.write(`FAILURE: ${printable(why)}\n${counts}, ${tail}\n`);
    return exitCode.testsFailed;
  }
  process.stdout.write(`FAILURE: ${failureCounts(build, atoms)} ${tail}\n`);
  return exitCode.testsFailed;
}

/** The same of a build that was cancelled because its command was interrupted. */
export function sayInterrupted(build: Build, target: string, elapsed: number, hasResults: boolean): void {
  sayFailures(build, target);
  sayCutOff(build);
  const where = hasResults ? ` Results: ./${RESULTS_DIRECTORY}/` : '';
  process.stdout.write(`${endedCounts(build)}, in ${duration(elapsed)}.${where}\n`);
  process.stdout.write(`Build ${build.id} is canceled.\n`);
}

function sayFailures(build: Build, target: string): void {
  const failed = build.failed_atoms ?? [];
  if (failed.length > 0) {
    const colors = showsColors(process.stdout);
    const isElsewhere = build.request_params.type !== 'directory';
    process.stdout.write(
      `${failureReport(failed, build.atom_variables, target, RESULTS_DIRECTORY, isElsewhere, colors)}\n\n`,
    );
  }
}

/** Names what was running at an early end: one of them may be what hangs. */
function sayCutOff(build: Build): void {
  const cut = build.interrupted_atoms ?? [];
  if (cut.length > 0) {
    process.stdout.write(`${interruptedReport(cut, build.atom_variables, RESULTS_DIRECTORY)}\n\n`);
  }
}

function atomCount({ num_atoms: atoms }: Build): string {
  return `${atoms ?? 0} ${atoms === 1 ? 'atom' : 'atoms'}`;
}

function endedCounts(build: Build): string {
  return `${build.num_atoms_done} of ${atomCount(build)} had ended, ${failureCounts(build, 'them')}`;
}

/** `3 of 9 atoms failed`, `… and 1 was lost`: what is lost may be as good as it ever was. */
function failureCounts({ num_atoms_failed: all, num_atoms_lost: lost }: Build, atoms: string): string {
  const failed = `${all - lost} of ${atoms} failed`;
  return lost === 0 ? failed : `${failed} and ${lost} ${lost === 1 ? 'was' : 'were'} lost`;
}

function flakyCount({ num_atoms_flaky: flaky }: Build): string {
  return flaky === 0 ? '' : `, ${flaky} of them only when run again,`;
}

/** What the results say beside the verdict, which none of it changes. */
function factLines({ tests, num_bad_reports: bad, num_left_out: leftOut }: Build): string[] {
  const lines: string[] = [];
  if (tests !== null) {
    const { failures, errors, skipped } = tests;
    lines.push(
      `${tests.tests} tests in the reports of the atoms: ${failures} failures, ${errors} errors, ${skipped} skipped.`,
    );
  }
  if (bad > 0) {
    lines.push(`${bad} ${bad === 1 ? 'report' : 'reports'} of tests could not be read; ${WHERE}.`);
  }
  if (leftOut > 0) {
    lines.push(`${leftOut} ${leftOut === 1 ? 'file is' : 'files are'} not whole in the results; ${WHERE}.`);
  }
  return lines;
}

const WHERE = `see ./${RESULTS_DIRECTORY}/*/clusterrunner_notes`;
