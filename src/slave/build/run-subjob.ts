import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { atomEnvironment } from '../../job/command-environment.js';
import { durationSeconds } from '../../job/duration.js';
import { shellText } from '../../job/shell-text.js';
import { TimeLimit } from '../../lib/async/time-limit.js';
import type { Clock } from '../../lib/clock.js';
import { canRunBatches, type ItemEnd } from '../../process/batch/batch-shell.js';
import type { ConsolePipes } from '../../process/console/console-pipes.js';
import { describeSurvivors } from '../../process/containment/family.js';
import { runCommand } from '../../process/run-command.js';
import { atomFolder } from '../../protocol/ids.js';
import type {
  AssignedAtom,
  Progress,
  ResultReport,
  RunAssignment,
} from '../../protocol/slave/slave-messages.js';
import type { AtomFolder } from '../archive/write-archive.js';
import type { ConsoleRecorder } from '../console/console-recorder.js';
import type { SubjobConsoles } from '../console/subjob-consoles.js';
import { CANCEL_GRACE_MS, TIMEOUT_GRACE_MS } from './build-context.js';
import type { ShellPool } from './shell-pool.js';

export type AtomVerdict = ResultReport['atoms'][number];
export type AtomProgress = Progress['atoms'][number];

export interface SubjobRun {
  readonly assignment: RunAssignment;
  readonly projectDirectory: string;
  /** The slave's environment, as atoms may see it. */
  readonly env: Readonly<Record<string, string>>;
  /** Have the commands of the assignment's job, and that environment. */
  readonly shells: ShellPool;
  /** Where the pipes come from that take what atoms print. */
  readonly pipes: ConsolePipes;
  /** Where what they print is kept. */
  readonly consoles: SubjobConsoles;
  readonly executorIndex: number;
  /** Holds a folder for each atom afterwards; must not exist. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Told when an atom begins, and when it has ended and its console is complete. */
  onProgress(progress: AtomProgress): void;
}

export interface SubjobOutcome {
  readonly verdicts: readonly AtomVerdict[];
  /** The atoms without a verdict, of a subjob that was ended early. */
  readonly unfinished: readonly Unfinished[];
  /** Of all atoms that have begun. */
  readonly folders: readonly AtomFolder[];
}

type Unfinished = NonNullable<ResultReport['unfinished']>[number];

const CONSOLE = 'clusterrunner_console_output';
/** As `timeout` has it. */
const TIMED_OUT = 124;

/** An atom of the subjob with all that it takes to run it. */
interface Planned {
  readonly atom: AssignedAtom;
  /** Of its folder, in archives. */
  readonly name: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

type Ended = (atom: Planned, end: ItemEnd) => void;
type Began = (atom: Planned) => void;

/** Runs the atoms one after another, those after a failed one too, until `signal` is aborted. */
export async function runSubjob(run: SubjobRun): Promise<SubjobOutcome> {
  const { commands } = run.assignment.job.definition;
  const command = shellText(commands);
  const planned = run.assignment.atoms.map((atom) => plan(run, atom));
  const verdicts: AtomVerdict[] = [];
  const folders: AtomFolder[] = [];
  let running: { readonly one: Planned; readonly since: number } | null = null;
  const began: Began = (one) => {
    const { id } = one.atom;
    running = { one, since: run.clock.monotonic() };
    run.consoles.begin(id);
    run.onProgress({ id, state: 'IN_PROGRESS', exit_code: null, actual_time: null });
  };
  const ended: Ended = (one, { exitCode, seconds: actual_time, tookTooLong, note }) => {
    const { id } = one.atom;
    // What a command returns that was told to end says nothing.
    const exit_code = tookTooLong ? TIMED_OUT : exitCode;
    const console = run.consoles.of(id);
    console.end([
      ...(note === null ? [] : [note]),
      ...(tookTooLong ? [`the atom was ended after ${limitOf(run)} s (atom_timeout).`] : []),
    ]);
    running = null;
    verdicts.push({ id, exit_code, actual_time });
    folders.push(folderOf(one, console, exit_code, actual_time));
    run.onProgress({ id, state: 'COMPLETED', exit_code, actual_time });
  };
  for (const { folder } of planned) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  await ((await canRunBatches())
    ? runTogether(run, planned, began, ended)
    : runOneByOne(run, planned, command, began, ended));
  const cut = cutOff(run, running);
  if (cut !== null) {
    folders.push(cut.folder);
  }
  const unfinished = planned
    .slice(verdicts.length)
    .map(({ atom: { id } }) => ({ id, ran_for: cut?.id === id ? cut.seconds : null }));
  return { verdicts, unfinished, folders };
}

/** What is left of the atom that was running when the subjob was ended; nothing of it lives any more. */
function cutOff(
  { clock, consoles }: SubjobRun,
  running: { readonly one: Planned; readonly since: number } | null,
): { readonly id: number; readonly seconds: number; readonly folder: AtomFolder } | null {
  if (running === null) {
    return null;
  }
  const { one, since } = running;
  const seconds = Math.max(0, clock.monotonic() - since) / 1000;
  const console = consoles.of(one.atom.id);
  console.end([`the atom was ended after ${seconds.toFixed(1)} s; it had not come to its end.`]);
  return { id: one.atom.id, seconds, folder: folderOf(one, console, null, seconds) };
}

async function runTogether(
  run: SubjobRun,
  planned: readonly Planned[],
  began: Began,
  ended: Ended,
): Promise<'completed' | 'canceled'> {
  const at = (index: number): Planned => {
    const one = planned[index];
    if (one === undefined) {
      throw new Error(`The shell of a batch named item ${index} of ${planned.length}.`);
    }
    return one;
  };
  return run.shells.run({
    items: planned.map(({ env, folder }) => ({ env, folder })),
    list: join(run.directory, 'atoms'),
    signal: run.signal,
    limitSeconds: limitOf(run),
    graceMs: CANCEL_GRACE_MS,
    limitGraceMs: TIMEOUT_GRACE_MS,
    onBegin: (index) => began(at(index)),
    onOutput: (index, bytes) => run.consoles.of(at(index).atom.id).write(bytes),
    onEnd: (index, end) => ended(at(index), end),
  });
}

/** Where there is no bash that can run them together. */
async function runOneByOne(
  run: SubjobRun,
  planned: readonly Planned[],
  command: string,
  began: Began,
  ended: Ended,
): Promise<'completed' | 'canceled'> {
  for (const one of planned) {
    mkdirSync(one.folder, { recursive: true, mode: 0o700 });
    began(one);
    const time = new TimeLimit(run.clock, limitOf(run), run.signal);
    const pipe = await run.pipes.acquire();
    pipe.begin(run.consoles.of(one.atom.id).write);
    const result = await runCommand({
      command,
      cwd: run.projectDirectory,
      env: { ...run.env, ...one.env },
      output: { kind: 'pipe', pipe },
      signal: time.signal,
      graceMs: () => (time.isOver ? TIMEOUT_GRACE_MS : CANCEL_GRACE_MS),
      clock: run.clock,
    }).finally(() => {
      time.end();
      run.pipes.release(pipe);
    });
    const tookTooLong = result.ended === 'canceled' && time.isOver && !run.signal.aborted;
    if (result.ended === 'canceled' && !tookTooLong) {
      return 'canceled';
    }
    const { exitCode, seconds, survivors } = result;
    const note = survivors.length === 0 ? null : describeSurvivors(survivors);
    ended(one, { exitCode, seconds, tookTooLong, note });
  }
  return 'completed';
}

function plan(run: SubjobRun, atom: AssignedAtom): Planned {
  const { assignment } = run;
  const name = atomFolder(assignment.subjob_id, atom.id);
  const folder = join(run.directory, name);
  const facts = {
    projectDirectory: run.projectDirectory,
    buildId: assignment.build_id,
    subjobId: assignment.subjob_id,
    atomId: atom.id,
    variable: atom.variable,
    value: atom.value,
    artifactDirectory: folder,
    executorIndex: run.executorIndex,
    buildExecutorIndex: assignment.build_executor_index,
  };
  return {
    atom,
    name,
    folder,
    env: atomEnvironment(facts),
  };
}

/** What it takes to write the archive. Files that only the archive needs never reach the disk by themselves. */
function folderOf(
  one: Planned,
  console: ConsoleRecorder,
  exitCode: number | null,
  seconds: number,
): AtomFolder {
  return {
    atom: one.atom.id,
    path: one.folder,
    name: one.name,
    console: { name: CONSOLE, recorded: console },
    added: [
      ...(exitCode === null
        ? []
        : [{ name: 'clusterrunner_exit_code', content: `${exitCode}\n`, mode: 0o644 }]),
      { name: 'clusterrunner_time', content: `${seconds.toFixed(2)}\n`, mode: 0o644 },
    ],
  };
}

/** Seconds that one atom may take; null: any. */
function limitOf({ assignment }: SubjobRun): number | null {
  const limit = assignment.job.definition.atom_timeout;
  return limit === undefined ? null : durationSeconds(limit);
}
