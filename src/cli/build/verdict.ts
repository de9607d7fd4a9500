import { printable } from '../../lib/printable.js';
import type { Build } from '../../protocol/build.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { exitCode } from '../exit-codes.js';
import { showsColors } from '../shows-colors.js';
import { failureReport, flakyReport } from './failures.js';
import { duration } from './progress.js';

/** Where `build` puts the results, in the current folder. */
export const RESULTS_DIRECTORY = 'build_results';

/**
 * Prints how a build has ended, with what a person needs to see of its failed atoms. `target` is where the results are
 * if they could be fetched, `elapsed` in seconds. Answers the exit code.
 * @throws ClusterRunnerError CONFLICT for one that was ended before anything failed
 */
export function sayVerdict(build: Build, target: string, elapsed: number, hasResults: boolean): number {
  const atoms = `${build.num_atoms ?? 0} ${build.num_atoms === 1 ? 'atom' : 'atoms'}`;
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
  const failed = build.failed_atoms ?? [];
  if (failed.length > 0) {
    const colors = showsColors(process.stdout);
    const isElsewhere = build.request_params.type !== 'directory';
    process.stdout.write(
      `${failureReport(failed, build.atom_variables, target, RESULTS_DIRECTORY, isElsewhere, colors)}\n\n`,
    );
  }
  if (build.state === 'CANCELED') {
    const why = build.error_message ?? 'The build was canceled.';
    const counts = `${build.num_atoms_done} of ${atoms} had ended, ${failureCounts(build, 'them')}`;
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
