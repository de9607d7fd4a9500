import { mkdirSync, readdirSync, realpathSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { batchEnvironment } from '../../job/command-environment.js';
import { errorCode } from '../../lib/error-code.js';
import type { ItemEnd } from '../../process/series/item-runner.js';
import type { BatchMatch } from '../../protocol/build/job.js';
import { reasonWithoutPaths } from '../../protocol/errors.js';
import { CANCEL_GRACE_MS, TIMEOUT_GRACE_MS } from '../build/build-context.js';
import { limitOf } from '../build/run-series.js';
import type { AtomPlace, SubjobRecord } from '../build/subjob-record.js';
import type { SubjobRun } from '../build/subjob-run.js';
import { AtomMatcher } from './atom-matcher.js';
import { valuesOf, writeAtomsFile } from './atoms-file.js';
import { type BatchVerdict, batchVerdicts } from './batch-verdicts.js';
import { ATOM_REPORT, divideReports } from './divide-reports.js';
import { type BatchReports, readBatchReports } from './read-batch-reports.js';

/** The folder of the first atom of a batch in which the files of the whole batch are. */
const FILES_OF_BATCH = 'batch';

const SAYS_NO_MORE =
  'a test case of this atom failed, and the report of the batch says no more; see the output of the batch.';

/** One run of a job's commands for several atoms. Its first atom has the output and the files of the batch. */
export class BatchRun {
  readonly #run: SubjobRun;
  readonly #record: SubjobRecord;
  readonly #places: readonly AtomPlace[];
  readonly #first: AtomPlace;
  readonly #matcher: AtomMatcher;
  /** ARTIFACT_DIR. */
  readonly #folder: string;

  constructor(run: SubjobRun, record: SubjobRecord, places: readonly AtomPlace[], match: BatchMatch) {
    const [first] = places;
    if (first === undefined) {
      throw new Error('A batch without atoms was run.');
    }
    this.#run = run;
    this.#record = record;
    this.#places = places;
    this.#first = first;
    this.#matcher = new AtomMatcher(match, valuesOf(run, places), foldersOf(run.projectDirectory));
    this.#folder = join(run.directory, `batch_${first.atom.id}`);
  }

  /** Runs it, and records the verdicts. Resolves with the atoms that have none; with null when it was canceled. */
  async undecided(): Promise<readonly AtomPlace[] | null> {
    mkdirSync(this.#folder, { mode: 0o700 });
    const madeAt = statSync(this.#folder).mtimeMs;
    const since = this.#run.clock.monotonic();
    const end = await this.#runCommands();
    if (end === null) {
      return null;
    }
    const reports = await readBatchReports(this.#folder, madeAt, this.#matcher, this.#places.length);
    const verdicts = batchVerdicts(reports.findings, end, limitOf(this.#run));
    const problems = [await this.#divide(reports, verdicts), this.#keepFiles()];
    for (const problem of [end.note, ...problems]) {
      if (problem !== null) {
        this.#record.consoleOf(this.#first).remark(problem);
      }
    }
    return this.#settle(verdicts, reports.texts, since);
  }

  /** null when they were canceled. */
  async #runCommands(): Promise<ItemEnd | null> {
    const { assignment, projectDirectory, executorIndex, directory, runner, signal } = this.#run;
    const limit = limitOf(this.#run);
    const env = batchEnvironment({
      projectDirectory,
      buildId: assignment.build_id,
      subjobId: assignment.subjob_id,
      artifactDirectory: this.#folder,
      atomsFile: writeAtomsFile(this.#run, this.#places, `batch_${this.#first.atom.id}`),
      executorIndex,
      buildExecutorIndex: assignment.build_executor_index,
    });
    const console = () => this.#record.consoleOf(this.#first);
    let ended: ItemEnd | null = null;
    await runner.run({
      executor: executorIndex,
      items: [{ name: this.#first.atom, env, folder: this.#folder }],
      list: join(directory, 'atoms'),
      signal,
      limitSeconds: limit === null ? null : limit * this.#places.length,
      graceMs: CANCEL_GRACE_MS,
      limitGraceMs: TIMEOUT_GRACE_MS,
      onBegin: () => this.#begin(),
      onOutput: (_, bytes) => console().write(bytes),
      onEnd: (_, end) => {
        ended = end;
      },
    });
    return ended;
  }

  /** The first one last, since it is the one that is shown as running. */
  #begin(): void {
    const { atom, name } = this.#first;
    for (const place of this.#places.slice(1)) {
      this.#record.begin(place);
      this.#record
        .consoleOf(place)
        .remark(
          `this atom runs in a batch of ${this.#places.length} atoms; the output of the batch is on the console of its first one (${atom.value}), and its files are in ${name}/${FILES_OF_BATCH}.`,
        );
    }
    this.#record.begin(this.#first);
  }

  /** Gives each atom with a verdict a report of its own. Returns why that failed; null if it did not. */
  async #divide(reports: BatchReports, verdicts: readonly BatchVerdict[]): Promise<string | null> {
    const names = this.#places.map(({ atom }) => atom.value);
    try {
      await divideReports(reports, this.#matcher, names, (index) => {
        const place = this.#places[index];
        return place === undefined || verdicts[index]?.kind !== 'ended'
          ? null
          : join(place.folder, ATOM_REPORT);
      });
      return null;
    } catch (error) {
      return `the reports of the batch could not be divided among its atoms: ${fileProblem(error)}.`;
    }
  }

  /** Moves the files of the batch to its first atom. Returns why that failed; null if it did not. */
  #keepFiles(): string | null {
    try {
      if (readdirSync(this.#folder).length > 0) {
        renameSync(this.#folder, join(this.#first.folder, FILES_OF_BATCH));
      }
      return null;
    } catch (error) {
      return `the files of the batch could not be kept: ${fileProblem(error)}.`;
    }
  }

  /**
   * Records the verdicts, and returns the atoms without one. Which atom ran when is not known: they are shown one after another,
   * beginning at `since`, in milliseconds of the monotonic clock.
   */
  #settle(verdicts: readonly BatchVerdict[], texts: readonly string[], since: number): AtomPlace[] {
    let began = since;
    return this.#places.filter((place, index) => {
      const verdict = verdicts[index];
      const console = this.#record.consoleOf(place);
      if (verdict?.kind !== 'ended') {
        console.remark(`${verdict?.reason ?? ''} So this atom runs again by itself.`);
        return true;
      }
      const { exitCode, seconds } = verdict;
      const text = texts[index] ?? '';
      console.write(Buffer.from(text));
      const notes = exitCode !== 0 && text === '' ? [SAYS_NO_MORE] : [];
      this.#record.end(place, { exitCode, seconds, notes, since: began });
      began += seconds * 1000;
      return false;
    });
  }
}

/** A program may name the folder of the project by its path without links. */
function foldersOf(projectDirectory: string): string[] {
  return [...new Set([projectDirectory, realpathSync(projectDirectory)])];
}

/** @throws an error that is not about a file */
function fileProblem(error: unknown): string {
  if (typeof errorCode(error) !== 'string') {
    throw error;
  }
  return reasonWithoutPaths(error);
}
