import { join } from 'node:path';
import { atomEnvironment } from '../../job/command-environment.js';
import { durationSeconds } from '../../job/duration.js';
import type { ItemEnd } from '../../process/series/item-runner.js';
import { CANCEL_GRACE_MS, TIMEOUT_GRACE_MS } from './build-context.js';
import type { AtomEnd, AtomPlace, SubjobRecord } from './subjob-record.js';
import type { SubjobRun } from './subjob-run.js';

/** The exit code that the `timeout` command uses. */
const TIMED_OUT = 124;

/** Variables of an atom that the job's variables do not have; see atomEnvironment. */
type MoreVariables = (place: AtomPlace) => Readonly<Record<string, string>>;

/** Runs atoms one after another, each by the job's commands alone. */
export async function runSeries(
  run: SubjobRun,
  record: SubjobRecord,
  places: readonly AtomPlace[],
  variablesOf: MoreVariables = () => ({}),
): Promise<'completed' | 'canceled'> {
  const at = (index: number): AtomPlace => {
    const place = places[index];
    if (place === undefined) {
      throw new Error(`Item ${index} of a series of ${places.length} was reported.`);
    }
    return place;
  };
  return run.runner.run({
    executor: run.executorIndex,
    items: places.map((place) => ({
      name: place.atom,
      env: { ...environmentOf(run, place), ...variablesOf(place) },
      folder: place.folder,
    })),
    list: join(run.directory, 'atoms'),
    signal: run.signal,
    limitSeconds: limitOf(run),
    graceMs: CANCEL_GRACE_MS,
    limitGraceMs: TIMEOUT_GRACE_MS,
    onBegin: (index) => record.begin(at(index)),
    onOutput: (index, bytes) => record.consoleOf(at(index)).write(bytes),
    onEnd: (index, end) => record.end(at(index), atomEnd(end, limitOf(run))),
  });
}

function atomEnd({ exitCode, seconds, tookTooLong, note, tests }: ItemEnd, limit: number | null): AtomEnd {
  return {
    // The exit code of a terminated command is meaningless.
    exitCode: tookTooLong ? TIMED_OUT : exitCode,
    seconds,
    notes: [
      ...(note === null ? [] : [note]),
      ...(tookTooLong ? [`the atom was ended after ${limit} s (atom_timeout).`] : []),
    ],
    ...(tests === undefined ? {} : { tests }),
  };
}

function environmentOf(run: SubjobRun, { atom, folder }: AtomPlace): Record<string, string> {
  const { assignment } = run;
  return atomEnvironment({
    projectDirectory: run.projectDirectory,
    buildId: assignment.build_id,
    subjobId: assignment.subjob_id,
    atomId: atom.id,
    variable: atom.variable,
    value: atom.value,
    artifactDirectory: folder,
    executorIndex: run.executorIndex,
    buildExecutorIndex: assignment.build_executor_index,
  });
}

/** How many seconds an atom may take; null: no limit. */
export function limitOf({ assignment }: Pick<SubjobRun, 'assignment'>): number | null {
  const limit = assignment.job.definition.atom_timeout;
  return limit === undefined ? null : durationSeconds(limit);
}
