import { join } from 'node:path';
import { durationText } from '../../lib/text/duration-text.js';
import { atomFolder } from '../../protocol/ids.js';
import { CONSOLE_FILE, EXIT_CODE_FILE, TIME_FILE } from '../../protocol/results/archive-names.js';
import type { TestCounts } from '../../protocol/results/result-facts.js';
import type { AssignedAtom, ResultReport } from '../../protocol/slave/slave-messages.js';
import type { AtomFolder } from '../archive/write-archive.js';
import type { ConsoleRecorder } from '../console/console-recorder.js';
import { LastLinesOfSubjob } from '../console/last-lines.js';
import type { SubjobRun } from './subjob-run.js';

export type AtomVerdict = ResultReport['atoms'][number];
type Unfinished = NonNullable<ResultReport['unfinished']>[number];

export interface SubjobOutcome {
  readonly verdicts: readonly AtomVerdict[];
  /** The atoms without a verdict; only of a subjob that was ended early. */
  readonly unfinished: readonly Unfinished[];
  /** The folders of all atoms that have begun, with or without a verdict. */
  readonly folders: readonly AtomFolder[];
}

/** An atom of a subjob, and its folder, which becomes one of the results. */
export interface AtomPlace {
  readonly atom: AssignedAtom;
  /** The name of its folder in the archive. */
  readonly name: string;
  readonly folder: string;
}

interface RunningAtom {
  readonly place: AtomPlace;
  /** In milliseconds of the monotonic clock. */
  readonly since: number;
}

export interface AtomEnd {
  readonly exitCode: number;
  readonly seconds: number;
  /** Lines for the end of its console. */
  readonly notes: readonly string[];
  /** Counts of tests that its command has reported by itself; absent if it cannot. */
  readonly tests?: TestCounts | null;
  /** When it began, in milliseconds of the monotonic clock; as it was reported unless given. */
  readonly since?: number;
}

/** Follows the atoms of a subjob while they run: reports their progress, and has the outcome at the end. */
export class SubjobRecord {
  readonly places: readonly AtomPlace[];
  readonly #run: SubjobRun;
  readonly #lastLines: LastLinesOfSubjob;
  readonly #running = new Map<number, RunningAtom>();
  readonly #verdicts = new Map<number, AtomVerdict>();
  readonly #folders = new Map<number, AtomFolder>();

  constructor(run: SubjobRun) {
    this.#run = run;
    this.#lastLines = new LastLinesOfSubjob(run.assignment);
    this.places = run.assignment.atoms.map((atom) => {
      const name = atomFolder(run.assignment.subjob_id, atom.id);
      return { atom, name, folder: join(run.directory, name) };
    });
  }

  /** To be called when the atom begins, and again when it begins by itself after a batch: its console goes on. */
  begin(place: AtomPlace): void {
    const { id } = place.atom;
    const { clock, consoles, times, onProgress } = this.#run;
    const since = clock.monotonic();
    if (!this.#running.has(id)) {
      consoles.begin(id);
    }
    this.#running.set(id, { place, since });
    onProgress({ id, state: 'IN_PROGRESS', exit_code: null, actual_time: null, ...times.beganAt(since) });
  }

  /** The console of an atom that has begun. */
  consoleOf({ atom }: AtomPlace): ConsoleRecorder {
    return this.#run.consoles.of(atom.id);
  }

  end(place: AtomPlace, { exitCode, seconds, notes, tests = null, since }: AtomEnd): void {
    const { id } = place.atom;
    const { times, onProgress } = this.#run;
    const console = this.consoleOf(place);
    console.end(notes);
    const began = since ?? this.#running.get(id)?.since;
    this.#running.delete(id);
    const report = {
      id,
      exit_code: exitCode,
      actual_time: seconds,
      ...(began === undefined ? {} : times.beganAt(began)),
      ...this.#lastLines.of(console, exitCode),
    };
    this.#verdicts.set(id, report);
    this.#folders.set(id, { ...folderOf(place, console, exitCode, seconds), tests });
    onProgress({ ...report, state: 'COMPLETED' });
  }

  /** To be called when nothing of the subjob runs any more: atoms without a verdict were cut off. In the order of the subjob. */
  outcome(): SubjobOutcome {
    const unfinished = this.places.flatMap((place) =>
      this.#verdicts.has(place.atom.id) ? [] : [this.#cutOff(place)],
    );
    return {
      verdicts: this.#inOrder(this.#verdicts),
      unfinished,
      folders: this.#inOrder(this.#folders),
    };
  }

  #cutOff(place: AtomPlace): Unfinished {
    const { id } = place.atom;
    const { clock, times } = this.#run;
    const running = this.#running.get(id);
    if (running === undefined) {
      return { id, ran_for: null };
    }
    const seconds = Math.max(0, clock.monotonic() - running.since) / 1000;
    const console = this.consoleOf(place);
    console.end([`the atom was ended after ${durationText(seconds)}; it had not finished.`]);
    this.#folders.set(id, folderOf(place, console, null, seconds));
    return { id, ran_for: seconds, ...times.beganAt(running.since) };
  }

  #inOrder<T>(ofAtoms: ReadonlyMap<number, T>): T[] {
    return this.places.flatMap(({ atom }) => ofAtoms.get(atom.id) ?? []);
  }
}

/** Files that only the archive needs are never written to the disk by themselves. */
function folderOf(
  { atom, folder, name }: AtomPlace,
  console: ConsoleRecorder,
  exitCode: number | null,
  seconds: number,
): AtomFolder {
  return {
    atom: atom.id,
    path: folder,
    name,
    console: { name: CONSOLE_FILE, recorded: console },
    added: [
      ...(exitCode === null ? [] : [{ name: EXIT_CODE_FILE, content: `${exitCode}\n`, mode: 0o644 }]),
      { name: TIME_FILE, content: `${seconds.toFixed(2)}\n`, mode: 0o644 },
    ],
  };
}
