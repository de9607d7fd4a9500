import { trendOf } from '../../domain/history/build-trend.js';
import { historyName } from '../../job/history-name.js';
import { Semaphore } from '../../lib/async/semaphore.js';
import type { AtomHistoryWithDays, Job, JobAtom, JobBuild, JobTrend } from '../../protocol/build/history.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { type AtomId, type BuildId, type JobId, toId } from '../../protocol/ids.js';
import type { HistoryOfAtom, JobAtomSelection, Page } from '../state/master-api.js';
import { findAtom } from '../store/atom-views.js';
import type { Reader } from '../store/engine/engine.js';
import { historiesNamed, readHistory, type StoredHistory } from '../store/history/atom-histories.js';
import {
  atomHistoriesOf,
  countAtomsWithScore,
  pageOfAtomsByName,
  pageOfAtomsByScore,
} from '../store/history/atom-lists.js';
import { countJobBuilds, lastBuildsOf, pageOfJobBuilds } from '../store/history/job-builds.js';
import {
  countJobs,
  findJob,
  findJobNamed,
  jobsByLastBuild,
  jobsOf,
  namesOfJobs,
} from '../store/history/jobs.js';
import { buildToRecord } from '../store/history/unrecorded-builds.js';
import { knownBuilds } from '../store/retention.js';
import type { AtomHistoryRow, JobRow } from '../store/tables.js';
import { endedBuildOf, jobOfBuild } from './build-record.js';
import {
  presentHistory,
  presentJob,
  presentJobBuild,
  presentTrendDay,
  presentWholeHistory,
} from './history-view.js';
import { searchHistories } from './search-histories.js';

/** A trend is of so many of the newest builds. */
const TREND_BUILDS = 1000;
/** Searches at a time; each reads for some milliseconds between two turns of the event loop. */
const SEARCHES = 2;

/** Reads the history. */
export class HistoryQueries {
  readonly #db: Reader;
  readonly #searches = new Semaphore(SEARCHES);

  constructor(db: Reader) {
    this.#db = db;
  }

  /** Those whose last build is the newest first. `text` is part of the project or the name, in any case. */
  async listJobs(text: string, { offset, limit }: Page): Promise<{ jobs: Job[]; total: number }> {
    if (text === '') {
      const rows = await jobsByLastBuild(this.#db, { offset, limit });
      return { jobs: await this.#presentJobs(rows), total: (await countJobs(this.#db)).jobs };
    }
    const wanted = text.toLowerCase();
    const found = (await namesOfJobs(this.#db)).filter(({ project, name }) =>
      [project, name].some((one) => one.toLowerCase().includes(wanted)),
    );
    const page = found.slice(offset, offset + limit).map(({ id }) => id);
    return { jobs: await this.#presentJobs(await jobsOf(this.#db, page)), total: found.length };
  }

  /** @throws NOT_FOUND */
  async getJob(id: JobId): Promise<JobTrend> {
    const row = await this.#job(id);
    const builds = await pageOfJobBuilds(this.#db, id, { offset: 0, limit: TREND_BUILDS });
    const [lastBuild] = await lastBuildsOf(this.#db, [id]);
    return {
      ...presentJob(row, lastBuild),
      num_atoms_flaky: await countAtomsWithScore(this.#db, id, 'flaky'),
      num_atoms_failing: await countAtomsWithScore(this.#db, id, 'failing'),
      days: trendOf(builds.map(endedBuildOf)).map(presentTrendDay),
    };
  }

  /** Newest first. @throws NOT_FOUND */
  async listJobBuilds(id: JobId, page: Page): Promise<{ builds: JobBuild[]; total: number }> {
    await this.#job(id);
    const rows = await pageOfJobBuilds(this.#db, id, page);
    return { builds: rows.map(presentJobBuild), total: await countJobBuilds(this.#db, id) };
  }

  /** @throws NOT_FOUND; the reason of `gone` */
  async listJobAtoms(
    id: JobId,
    query: JobAtomSelection,
    gone: AbortSignal,
  ): Promise<{ atoms: JobAtom[]; total: number }> {
    const { num_atoms } = await this.#job(id);
    const { rows, total } =
      query.text === '' ? await this.#pageOfAtoms(id, query, num_atoms) : await this.#search(id, query, gone);
    const histories = rows.map((row) => ({ name: row.name, history: readHistory(row) }));
    const isRetained = await this.#retained(histories.map(({ history }) => history));
    return { atoms: histories.map(({ name, history }) => presentHistory(name, history, isRetained)), total };
  }

  /** @throws NOT_FOUND */
  async getAtomHistory(id: JobId, name: string): Promise<AtomHistoryWithDays> {
    await this.#job(id);
    const history = await this.#history(id, name);
    if (history === null) {
      throw new ClusterRunnerError(
        'NOT_FOUND',
        `Job ${id} has no atom of this name in its history; GET /v1/job/${id}/atom lists them.`,
      );
    }
    return history;
  }

  /** null for what is not recorded. @throws NOT_FOUND when there is no such atom */
  async historyOfAtom(build: BuildId, atom: AtomId): Promise<HistoryOfAtom> {
    const row = await buildToRecord(this.#db, build);
    const view = row === undefined ? undefined : await findAtom(this.#db, build, atom);
    if (row === undefined || view === undefined) {
      throw new ClusterRunnerError('NOT_FOUND', `There is no atom ${atom} of a build ${build}.`);
    }
    const names = jobOfBuild(row);
    const job = names === null ? undefined : await findJobNamed(this.#db, names.project, names.job);
    if (job === undefined) {
      return { job_id: null, history: null };
    }
    const id = toId.job(job.id);
    return { job_id: id, history: await this.#history(id, historyName(view.variable, view.value)) };
  }

  async #history(job: JobId, name: string): Promise<AtomHistoryWithDays | null> {
    const history = (await historiesNamed(this.#db, job, [name])).get(name);
    return history === undefined ? null : presentWholeHistory(name, history, await this.#retained([history]));
  }

  async #pageOfAtoms(
    job: JobId,
    { order, ...page }: JobAtomSelection,
    numAtoms: number,
  ): Promise<{ rows: AtomHistoryRow[]; total: number }> {
    if (order === 'name') {
      return { rows: await pageOfAtomsByName(this.#db, job, page), total: numAtoms };
    }
    const rows = await pageOfAtomsByScore(this.#db, job, order, page);
    return { rows, total: order === 'slowest' ? numAtoms : await countAtomsWithScore(this.#db, job, order) };
  }

  async #search(
    job: JobId,
    { order, text, ...page }: JobAtomSelection,
    gone: AbortSignal,
  ): Promise<{ rows: AtomHistoryRow[]; total: number }> {
    const { ids, total } = await this.#searches.run(gone, () =>
      searchHistories(this.#db, { job, text, order }, page, gone),
    );
    const rows = new Map((await atomHistoriesOf(this.#db, ids)).map((row) => [row.id, row]));
    return { rows: ids.flatMap((id) => rows.get(id) ?? []), total };
  }

  async #retained(histories: readonly StoredHistory[]): Promise<(build: number) => boolean> {
    const builds = new Set(histories.flatMap(({ newest }) => newest.map(({ build }) => build)));
    const known = await knownBuilds(this.#db, [...builds]);
    return (build) => known.has(build);
  }

  async #presentJobs(rows: readonly JobRow[]): Promise<Job[]> {
    const last = await lastBuildsOf(
      this.#db,
      rows.map(({ id }) => id),
    );
    const byJob = new Map(last.map((build) => [build.job_id, build]));
    return rows.map((row) => presentJob(row, byJob.get(row.id)));
  }

  async #job(id: JobId): Promise<JobRow> {
    const row = await findJob(this.#db, id);
    if (row === undefined) {
      throw new ClusterRunnerError(
        'NOT_FOUND',
        `There is no job ${id} in the history; GET /v1/job lists them.`,
      );
    }
    return row;
  }
}
