import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ReportedRun, reportedRun } from './case-verdicts.js';
import { type MeasuredRun, measuredRun } from './measured-run.js';
import type { Row } from './report.js';
import { median, round } from './statistics.js';

/** One way to run the same tests. */
export interface Contestant {
  readonly name: string;
  /** Runs in a new folder. */
  readonly command: readonly string[];
  /** Its exit code when it has run all tests. */
  readonly exitCode: number;
  /** Writes the files that the command needs into its folder. */
  prepare(folder: string): void;
  /** The JUnit reports in the folder after the command. */
  reports(folder: string): readonly string[];
  /** The exit code of each test file; null when files have no process of their own. */
  exitCodes: ((folder: string) => ReadonlyMap<string, string>) | null;
  /** Whether it runs a second time in the same folder, with what the first run has compiled: its row ends with "again". */
  readonly runsAgain: boolean;
}

export interface ContestOptions {
  readonly rounds: number;
  /** New folders of the runs are created in it. */
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** The name of the contestant with which the others are compared. */
  readonly baseline: string;
}

interface ContestRun extends MeasuredRun, ReportedRun {}

/**
 * Runs all contestants in turn, since machines are noisy. The first one defines the verdicts.
 * @throws Error when a run ends in another way than expected, or its tests have other verdicts than those of the first run
 */
export async function contest(
  contestants: readonly Contestant[],
  options: ContestOptions,
): Promise<readonly Row[]> {
  const runs = new Map<string, ContestRun[]>();
  let verdicts: ReadonlyMap<string, string> | null = null;
  let exitCodes: ReadonlyMap<string, string> | null = null;
  for (let turn = 1; turn <= options.rounds; turn += 1) {
    for (const contestant of contestants) {
      const folder = join(options.home, `run-${turn}-${contestants.indexOf(contestant)}`);
      mkdirSync(folder);
      contestant.prepare(folder);
      for (const name of namesOf(contestant)) {
        const run = await oneRun(contestant, folder, options);
        verdicts ??= run.verdicts;
        refuseDifference(name, run.verdicts, verdicts);
        const codes = contestant.exitCodes?.(folder) ?? null;
        exitCodes ??= codes;
        refuseDifference(
          name,
          codes ?? new Map(),
          codes === null || exitCodes === null ? new Map() : exitCodes,
        );
        runs.set(name, [...(runs.get(name) ?? []), run]);
      }
    }
  }
  return [...runs].map(([name, ofName]) => rowOf(name, ofName, baselineOf(name, runs, options)));
}

function namesOf({ name, runsAgain }: Contestant): readonly string[] {
  return runsAgain ? [name, `${name}, again`] : [name];
}

async function oneRun(
  { name, command, reports, exitCode }: Contestant,
  folder: string,
  { env }: ContestOptions,
): Promise<ContestRun> {
  const run = await measuredRun(command, { cwd: folder, env });
  if (run.exitCode !== exitCode) {
    throw new Error(`${name} ended with ${run.exitCode} in place of ${exitCode}.\n${run.stdout}`);
  }
  return { ...run, ...reportedRun(reports(folder)) };
}

function refuseDifference(
  name: string,
  found: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
): void {
  const tests = new Set([...found.keys(), ...expected.keys()]);
  const wrong = [...tests].filter((test) => found.get(test) !== expected.get(test));
  if (wrong.length > 0) {
    const [test = ''] = wrong;
    throw new Error(
      `${name} has ${wrong.length} other verdicts; ${test} is ${found.get(test)} in place of ${expected.get(test)}.`,
    );
  }
}

/** Runs in the same state of the folder, of the same turns. */
function baselineOf(
  name: string,
  runs: ReadonlyMap<string, readonly ContestRun[]>,
  { baseline }: ContestOptions,
): readonly ContestRun[] {
  return (name.endsWith(', again') ? runs.get(`${baseline}, again`) : runs.get(baseline)) ?? [];
}

function rowOf(name: string, runs: readonly ContestRun[], baseline: readonly ContestRun[]): Row {
  const medianOf = (figure: 'wallSeconds' | 'cpuSeconds' | 'seconds') =>
    round(median(runs.map((run) => run[figure])), 2);
  const ratioOf = (figure: 'wallSeconds' | 'cpuSeconds') =>
    round(median(runs.map((run, turn) => run[figure] / (baseline[turn]?.[figure] ?? Number.NaN))), 2);
  return {
    what: name,
    'wall s': medianOf('wallSeconds'),
    'CPU s': medianOf('cpuSeconds'),
    // Reports of batches have no times of suites.
    'first to last test s': runs.some((run) => Number.isNaN(run.seconds)) ? '' : medianOf('seconds'),
    'wall, of the baseline': ratioOf('wallSeconds'),
    'CPU, of the baseline': ratioOf('cpuSeconds'),
  };
}
