import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { durationSeconds } from '../job/duration.js';
import { atomEnvironment } from '../job/environment.js';
import { rerunScript } from '../job/rerun-script.js';
import { shellText } from '../job/shell-text.js';
import type { Clock } from '../lib/clock.js';
import { readEnd } from '../lib/read-end.js';
import { runCommand } from '../process/run-command.js';
import { atomFolder } from '../protocol/ids.js';
import type { AssignedAtom, Progress, ResultReport, RunAssignment } from '../protocol/slave.js';
import type { AtomFolder } from './archive/write-archive.js';
import { GRACE_MS } from './build-host.js';
import { TimeLimit } from './time-limit.js';

export type AtomVerdict = ResultReport['atoms'][number];
export type AtomProgress = Progress['atoms'][number];

export interface SubjobRun {
  readonly assignment: RunAssignment;
  readonly projectDirectory: string;
  /** The slave's environment, as atoms may see it. */
  readonly env: Readonly<Record<string, string>>;
  readonly executorIndex: number;
  /** Holds a folder for each atom afterwards; must not exist. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Told when an atom begins and ends, with the path of its console. */
  onProgress(progress: AtomProgress, console: string): void;
}

export interface SubjobOutcome {
  readonly verdicts: readonly AtomVerdict[];
  readonly folders: readonly AtomFolder[];
}

const CONSOLE = 'clusterrunner_console_output';
/** As `timeout` has it. */
const TIMED_OUT = 124;

/** Runs the atoms one after another, those after a failed one too. null when it was canceled. */
export async function runSubjob(run: SubjobRun): Promise<SubjobOutcome | null> {
  const command = shellText(run.assignment.job.definition.commands);
  const verdicts: AtomVerdict[] = [];
  const folders: AtomFolder[] = [];
  for (const atom of run.assignment.atoms) {
    const name = atomFolder(run.assignment.subjob_id, atom.id);
    const path = join(run.directory, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const verdict = await runAtom(run, atom, command, path);
    if (verdict === null) {
      return null;
    }
    verdicts.push(verdict);
    folders.push({ atom: atom.id, path, name, console: CONSOLE });
  }
  return { verdicts, folders };
}

async function runAtom(
  run: SubjobRun,
  atom: AssignedAtom,
  command: string,
  folder: string,
): Promise<AtomVerdict | null> {
  const { assignment, projectDirectory } = run;
  const facts = {
    projectDirectory,
    buildId: assignment.build_id,
    subjobId: assignment.subjob_id,
    atomId: atom.id,
    variable: atom.variable,
    value: atom.value,
    artifactDirectory: folder,
    executorIndex: run.executorIndex,
    buildExecutorIndex: assignment.build_executor_index,
  };
  const console = join(folder, CONSOLE);
  const script = rerunScript({ ...facts, jobName: assignment.job.name, command });
  // Small files on the local disk: the trip through the thread pool would cost more than writing them.
  writeFileSync(join(folder, 'clusterrunner_command'), script, { mode: 0o755 });
  run.onProgress({ id: atom.id, state: 'IN_PROGRESS', exit_code: null, actual_time: null }, console);
  const limit = assignment.job.definition.atom_timeout ?? null;
  const time = new TimeLimit(run.clock, limit === null ? null : durationSeconds(limit), run.signal);
  const { ended, ...result } = await runCommand({
    command,
    cwd: projectDirectory,
    env: { ...run.env, ...atomEnvironment(facts) },
    output: { kind: 'file', path: console },
    signal: time.signal,
    graceMs: GRACE_MS,
    clock: run.clock,
  }).finally(() => time.end());
  const { seconds } = result;
  const isTooLong = ended === 'canceled' && time.isOver && limit !== null && !run.signal.aborted;
  if (ended === 'canceled' && !isTooLong) {
    return null;
  }
  if (isTooLong) {
    // Nothing of the group lives any more, so this is the console's last line.
    sayOnConsole(console, `the atom was ended after ${durationSeconds(limit)} s (atom_timeout).`);
  }
  // What a command returns that was told to end says nothing.
  const exitCode = isTooLong ? TIMED_OUT : result.exitCode;
  writeFileSync(join(folder, 'clusterrunner_exit_code'), `${exitCode}\n`);
  writeFileSync(join(folder, 'clusterrunner_time'), `${seconds.toFixed(2)}\n`);
  run.onProgress({ id: atom.id, state: 'COMPLETED', exit_code: exitCode, actual_time: seconds }, console);
  return { id: atom.id, exit_code: exitCode, actual_time: seconds };
}

/** Appends a line of ours to what the atom printed. */
function sayOnConsole(file: string, sentence: string): void {
  const { text } = existsSync(file) ? readEnd(file, 1) : { text: '' };
  appendFileSync(file, `${text === '' || text === '\n' ? '' : '\n'}clusterrunner: ${sentence}\n`);
}
