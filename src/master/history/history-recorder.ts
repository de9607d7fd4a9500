import { setTimeout as delay } from 'node:timers/promises';
import type { MasterSettings } from '../../config/schema.js';
import { type AtomHistory, withRunInHistory } from '../../domain/history/atom-history.js';
import { RECENT_BUILDS, summaryOf } from '../../domain/history/build-trend.js';
import type { BuildId } from '../../protocol/ids.js';
import type { MasterState } from '../state/master-state.js';
import type { Write } from '../store/engine/write.js';
import {
  forgetOldestAtoms,
  historiesNamed,
  insertHistory,
  updateHistory,
} from '../store/history/atom-histories.js';
import {
  addRetrySeconds,
  codesOf,
  insertJobBuild,
  pageOfJobBuilds,
  trimJobBuilds,
} from '../store/history/job-builds.js';
import {
  addToNumAtoms,
  countJobs,
  insertJob,
  noteBuild,
  setAtomVariables,
  setSummary,
} from '../store/history/jobs.js';
import {
  atomsToRecord,
  buildToRecord,
  type EndedAtom,
  endRecording,
  findUnrecorded,
  noteJob,
  noteRecorded,
} from '../store/history/unrecorded-builds.js';
import { endedBuildOf, type RecordedRun, recordOf, runOf } from './build-record.js';

/** Atoms recorded in one transaction, which takes a few milliseconds. */
const CHUNK = 200;
/** Builds whose code is compared with that of the build that is recorded; more than an atom has runs. */
const COMPARED_BUILDS = 500;
const MINUTE_MS = 60_000;

type RecorderSettings = Pick<MasterSettings, 'historyAtomsKept' | 'historyBuildsKept'>;

/** All that it needs of the master. */
type RecorderMaster = Pick<MasterState, 'store' | 'writer' | 'builds'>;

/** A build whose atoms are being recorded. */
interface Recording {
  readonly build: BuildId;
  readonly job: number;
  /** When it ended, in minutes since the epoch. */
  readonly minute: number;
  readonly codes: ReadonlyMap<number, string | null>;
}

/**
 * Adds ended builds to the history, each exactly once. A build is in `unrecorded_builds` from the transaction that ends it,
 * and every step notes in its own transaction how far it has come. Only one may be recorded at a time.
 */
export class HistoryRecorder {
  readonly #master: RecorderMaster;
  readonly #settings: RecorderSettings;
  /** Histories of atoms in the store; null until they were counted. */
  #numAtoms: number | null = null;

  constructor(master: RecorderMaster, settings: RecorderSettings) {
    this.#master = master;
    this.#settings = settings;
  }

  /** Records a build, unless that is done. @returns false when `signal` was aborted before all of it was */
  async record(build: BuildId, signal: AbortSignal): Promise<boolean> {
    const { db } = this.#master.store;
    let recording: Recording | null = null;
    for (;;) {
      const began = performance.now();
      const state = await findUnrecorded(db, build);
      if (state === undefined) {
        return true;
      }
      if (signal.aborted) {
        return false;
      }
      if (state.job_id === null) {
        await this.#begin(build, state.is_partial === 1);
        continue;
      }
      recording ??= await this.#recordingOf(build, state.job_id);
      const atoms =
        this.#settings.historyAtomsKept === 0 ? [] : await atomsToRecord(db, build, state.next_atom, CHUNK);
      if (atoms.length === 0) {
        await this.#end(recording);
        return true;
      }
      await this.#recordAtoms(recording, state.next_atom, atoms);
      await this.#letOthersRun(performance.now() - began);
    }
  }

  /** Adds the build to its job, also when that was never read: a job that always fails before its atoms run is to be seen. */
  async #begin(build: BuildId, isPartial: boolean): Promise<void> {
    const { store, writer } = this.#master;
    const row = await buildToRecord(store.db, build);
    const record = row === undefined ? null : recordOf(row, isPartial);
    if (record === null) {
      await writer.write([endRecording(build)]);
      return;
    }
    const { project, job, atomVariables } = record;
    await writer.write([
      insertJob(project, job),
      insertJobBuild(project, job, record.row),
      noteBuild(project, job, build),
      ...(atomVariables === null || isPartial ? [] : [setAtomVariables(project, job, atomVariables)]),
      noteJob(build, project, job),
    ]);
  }

  async #recordingOf(build: BuildId, job: number): Promise<Recording> {
    const { db } = this.#master.store;
    const row = await buildToRecord(db, build);
    return {
      build,
      job,
      minute: Math.floor((row?.ended_at ?? 0) / MINUTE_MS),
      codes: await codesOf(db, job, COMPARED_BUILDS),
    };
  }

  async #recordAtoms(
    { build, job, minute, codes }: Recording,
    from: number,
    atoms: readonly EndedAtom[],
  ): Promise<void> {
    const { store, writer } = this.#master;
    const runs = atoms.flatMap((atom) => runOf(build, minute, atom) ?? []);
    const known = await historiesNamed(store.db, job, [...new Set(runs.map(({ name }) => name))]);
    const histories = addedRuns(known, runs, (one) => codes.get(one) ?? null);
    const retrySeconds = runs.reduce((sum, run) => sum + run.retrySeconds, 0);
    const added = histories.size - known.size;
    const next = (atoms.at(-1)?.atom_id ?? from) + 1;
    const writes: Write[] = [noteRecorded(build, from, next)];
    for (const [name, history] of histories) {
      const before = known.get(name);
      writes.push(before === undefined ? insertHistory(job, name, history) : updateHistory(before, history));
    }
    if (added > 0) {
      writes.push(addToNumAtoms(job, added));
    }
    if (retrySeconds > 0) {
      writes.push(addRetrySeconds(job, build, retrySeconds));
    }
    this.#numAtoms ??= (await countJobs(store.db)).atoms;
    await writer.write(writes);
    this.#numAtoms += added;
    await this.#forgetSurplus();
  }

  async #forgetSurplus(): Promise<void> {
    const kept = this.#settings.historyAtomsKept;
    while (this.#numAtoms !== null && this.#numAtoms > kept) {
      const surplus = Math.min(CHUNK, this.#numAtoms - kept);
      await this.#master.writer.write(forgetOldestAtoms(surplus));
      this.#numAtoms -= surplus;
    }
  }

  async #end({ build, job }: Recording): Promise<void> {
    const { store, writer } = this.#master;
    const newest = await pageOfJobBuilds(store.db, job, { offset: 0, limit: RECENT_BUILDS });
    const { passRate, p50Seconds, p95Seconds } = summaryOf(newest.map(endedBuildOf));
    await writer.write([
      setSummary(job, { pass_rate: passRate, p50_seconds: p50Seconds, p95_seconds: p95Seconds }),
      trimJobBuilds(job, this.#settings.historyBuildsKept, CHUNK),
      endRecording(build),
    ]);
  }

  /** Leaves most of the time to builds that run, in real time: nothing is decided by it. */
  async #letOthersRun(took: number): Promise<void> {
    await delay(this.#master.builds.size > 0 ? 2 * took : 0);
  }
}

/** The histories in `known`, and those of other atoms that ran, with their runs. */
function addedRuns(
  known: ReadonlyMap<string, AtomHistory>,
  runs: readonly RecordedRun[],
  codeOf: (build: number) => string | null,
): Map<string, AtomHistory> {
  const histories = new Map(known);
  for (const { name, run, retrySeconds } of runs) {
    histories.set(name, withRunInHistory(histories.get(name) ?? null, run, retrySeconds, codeOf));
  }
  return histories;
}
