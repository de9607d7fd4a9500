import type { BuildRequest } from '../../../src/protocol/build/build.js';
import type { Revision } from '../../../src/protocol/build/revision.js';
import type { ListedAtom, RunAssignment } from '../../../src/protocol/slave/slave-messages.js';
import type { RecordedConsole } from '../../../src/slave/archive/write-archive.js';

/** One run of an atom. */
export interface SimulatedAtom {
  readonly seconds: number;
  readonly exitCode: number;
  /** A text is also reported while the atom runs, as far as it would have been printed. */
  readonly output: string | RecordedConsole;
  /** Artifacts, by their path. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
}

/** A build that nobody runs: the request, and what its slaves find and report. */
export interface SimulatedBuild {
  /** With `config`. */
  readonly request: BuildRequest;
  readonly jobName: string;
  /** Absent for a directory. */
  readonly revision?: Revision;
  /** Listed by the preparation. */
  readonly atoms: readonly ListedAtom[];
  readonly preparationSeconds: number;
  /** Why the preparation fails; absent if it does not. */
  readonly preparationError?: string;
  /** The time of `setup_build` on each slave. */
  readonly setupSeconds: number;
  /** `run`: 0 for its first run, 1 for its first retry. */
  readonly runAtom: (atom: RunAssignment['atoms'][number], run: number) => SimulatedAtom;
}

export interface SimulatedMachine {
  readonly name: string;
  readonly executors: number;
  /** Why it takes no work; absent if it does. */
  readonly paused?: string;
  readonly freeDiskBytes?: number;
}
