import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { atomEnvironment } from '../../job/command-environment.js';
import { durationSeconds } from '../../job/duration.js';
import type { Clock } from '../../lib/clock.js';
import type { ItemEnd, ItemRunner } from '../../process/series/item-runner.js';
import { atomFolder } from '../../protocol/ids.js';
import { CONSOLE_FILE, EXIT_CODE_FILE, TIME_FILE } from '../../protocol/results/archive-names.js';
import type {
  AssignedAtom,
  Progress,
  ResultReport,
  RunAssignment,
} from '../../protocol/slave/slave-messages.js';
import type { AtomFolder } from '../archive/write-archive.js';
import type { ConsoleRecorder } from '../console/console-recorder.js';
import { LastLinesOfSubjob } from '../console/last-lines.js';
import type { SubjobConsoles } from '../console/subjob-consoles.js';
import { CANCEL_GRACE_MS, TIMEOUT_GRACE_MS } from './build-context.js';
import type { LeaseTimes } from './lease-times.js';

export type AtomVerdict = ResultReport['atoms'][number];
export type AtomProgress = Progress['atoms'][number];

export interface SubjobRun {
  readonly assignment: RunAssignment;
  readonly projectDirectory: string;
  /** Has the commands of the assignment's job. */
  readonly runner: ItemRunner;
  /** Where what atoms print is kept. */
  readonly consoles: SubjobConsoles;
  readonly executorIndex: number;
  /** Will hold a folder for each atom; must not exist. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly times: LeaseTimes;
  /** Called when an atom begins, and when it has ended and its console is complete. */
  onProgress(progress: AtomProgress): void;
}

export interface SubjobOutcome {
  readonly verdicts: readonly AtomVerdict[];
  /** The atoms without a verdict; only of a subjob that was ended early. */
  readonly unfinished: readonly Unfinished[];
  /** The folders of all atoms that have begun, with or without a verdict. */
  readonly folders: readonly AtomFolder[];
}

type Unfinished = NonNullable<ResultReport['unfinished']>[number];

/** The exit code that the `timeout` command uses. */
const TIMED_OUT = 124;

/** An atom with everything that is needed to run it. */
interface Planned {
  readonly atom: AssignedAtom;
  /** The name of its folder in the archive. */
  readonly name: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Running {
  readonly one: Planned;
  /** In milliseconds of the monotonic clock. */
  readonly since: number;
  readonly began: ReturnType<LeaseTimes['began']>;
}

/** An atom that was running when its subjob was ended early. */
interface Cut extends Pick<Running, 'began'> {
  readonly id: number;
  readonly seconds: number;
  readonly folder: AtomFolder;
}

/** Runs the atoms one after another, those after a failed one too, until `signal` is aborted. */
export async function runSubjob(run: SubjobRun): Promise<SubjobOutcome> {
  const planned = run.assignment.atoms.map((atom) => plan(run, atom));
  const verdicts: AtomVerdict[] = [];
  const folders: AtomFolder[] = [];
  const ends = new LastLinesOfSubjob(run.assignment);
  let running: Running | null = null;
  const began = (one: Planned) => {
    const { id } = one.atom;
    const began = run.times.began();
    running = { one, since: run.clock.monotonic(), began };
    run.consoles.begin(id);
    run.onProgress({ id, state: 'IN_PROGRESS', exit_code: null, actual_time: null, ...began });
  };
  const ended = (one: Planned, { exitCode, seconds: actual_time, tookTooLong, note, tests }: ItemEnd) => {
    const { id } = one.atom;
    // The exit code of a terminated command is meaningless.
    const exit_code = tookTooLong ? TIMED_OUT : exitCode;
    const console = run.consoles.of(id);
    console.end([
      ...(note === null ? [] : [note]),
      ...(tookTooLong ? [`the atom was ended after ${limitOf(run)} s (atom_timeout).`] : []),
    ]);
    const details = { ...running?.began, ...ends.of(console, exit_code) };
    running = null;
    verdicts.push({ id, exit_code, actual_time, ...details });
    folders.push({ ...folderOf(one, console, exit_code, actual_time), tests: tests ?? null });
    run.onProgress({ id, state: 'COMPLETED', exit_code, actual_time, ...details });
  };
  for (const { folder } of planned) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const at = (index: number): Planned => {
    const one = planned[index];
    if (one === undefined) {
      throw new Error(`Item ${index} of a series of ${planned.length} was reported.`);
    }
    return one;
  };
  await run.runner.run({
    executor: run.executorIndex,
    items: planned.map(({ atom, env, folder }) => ({ name: atom, env, folder })),
    list: join(run.directory, 'atoms'),
    signal: run.signal,
    limitSeconds: limitOf(run),
    graceMs: CANCEL_GRACE_MS,
    limitGraceMs: TIMEOUT_GRACE_MS,
    onBegin: (index) => began(at(index)),
    onOutput: (index, bytes) => run.consoles.of(at(index).atom.id).write(bytes),
    onEnd: (index, end) => ended(at(index), end),
  });
  const cut = cutOff(run, running);
  if (cut !== null) {
    folders.push(cut.folder);
  }
  const unfinished = planned
    .slice(verdicts.length)
    .map(({ atom: { id } }) =>
      cut?.id === id ? { id, ran_for: cut.seconds, ...cut.began } : { id, ran_for: null },
    );
  return { verdicts, unfinished, folders };
}

/** null when none was running. The processes of the atom are gone. */
function cutOff({ clock, consoles }: SubjobRun, running: Running | null): Cut | null {
  if (running === null) {
    return null;
  }
  const { one, since, began } = running;
  const seconds = Math.max(0, clock.monotonic() - since) / 1000;
  const console = consoles.of(one.atom.id);
  console.end([`the atom was ended after ${seconds.toFixed(1)} s; it had not finished.`]);
  return { id: one.atom.id, seconds, began, folder: folderOf(one, console, null, seconds) };
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

/** Files that only the archive needs are never written to the disk by themselves. */
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
    console: { name: CONSOLE_FILE, recorded: console },
    added: [
      ...(exitCode === null ? [] : [{ name: EXIT_CODE_FILE, content: `${exitCode}\n`, mode: 0o644 }]),
      { name: TIME_FILE, content: `${seconds.toFixed(2)}\n`, mode: 0o644 },
    ],
  };
}

/** How many seconds an atom may take; null: no limit. */
function limitOf({ assignment }: SubjobRun): number | null {
  const limit = assignment.job.definition.atom_timeout;
  return limit === undefined ? null : durationSeconds(limit);
}
