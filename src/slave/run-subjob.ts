import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { atomEnvironment } from '../job/environment.js';
import { rerunScript } from '../job/rerun-script.js';
import { shellText } from '../job/shell-text.js';
import type { Clock } from '../lib/clock.js';
import { runCommand } from '../process/run-command.js';
import { atomFolder } from '../protocol/ids.js';
import type { AssignedAtom, Progress, ResultReport, RunAssignment } from '../protocol/slave.js';
import type { AtomFolder } from './archive/write-archive.js';
import { GRACE_MS } from './build-host.js';

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
  const { exitCode, seconds, ended } = await runCommand({
    command,
    cwd: projectDirectory,
    env: { ...run.env, ...atomEnvironment(facts) },
    output: { kind: 'file', path: console },
    signal: run.signal,
    graceMs: GRACE_MS,
    clock: run.clock,
  });
  if (ended === 'canceled') {
    return null;
  }
  writeFileSync(join(folder, 'clusterrunner_exit_code'), `${exitCode}\n`);
  writeFileSync(join(folder, 'clusterrunner_time'), `${seconds.toFixed(2)}\n`);
  run.onProgress({ id: atom.id, state: 'COMPLETED', exit_code: exitCode, actual_time: seconds }, console);
  return { id: atom.id, exit_code: exitCode, actual_time: seconds };
}
