import { isEnded, newBuild } from '../../domain/build-state.js';
import { BuildWork } from '../../domain/build-work.js';
import { newTask } from '../../domain/lease.js';
import { checkRequest } from '../../job/build-request.js';
import type { Build, BuildRequest, GivenAtom } from '../../protocol/build/build.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { atomFolder, type BuildId, type SubjobId, toId } from '../../protocol/ids.js';
import { archivePath } from '../archives/archive-files.js';
import { commitStop, stopBuild } from '../leases/early-end.js';
import { ActiveBuild } from '../state/active-build.js';
import type {
  ArchiveContents,
  BuildsPage,
  MasterBundles,
  Page,
  Queue,
  RerunAtoms,
  SubjobArchives,
} from '../state/master-api.js';
import { type MasterState, StateChange } from '../state/master-state.js';
import { failedAtoms, flakyAtoms, interruptedAtoms } from '../store/atom-views.js';
import {
  type BuildCourse,
  chosenBuilds,
  findBuild,
  findBuildCourse,
  findBuildHead,
  insertBuild,
  listedRequest,
  pageOfBuilds,
  readJobColumn,
  readRequest,
} from '../store/builds.js';
import { appendBuildCreated } from '../store/events.js';
import { deliveredSubjobs, findSubjob } from '../store/subjobs.js';
import type { BuildRow } from '../store/tables.js';
import { activityOf } from '../views/build-activity.js';
import { presentRow, presentRunning } from '../views/build-view.js';
import { queuePage } from '../views/explain-build.js';
import { arrivingArchives } from './archive-feed.js';
import { type BuildAndJob, withJobIds, withJobName } from './jobs-of-builds.js';
import type { KeptResults } from './kept-results.js';

/** Unfinished builds are kept in memory. More than this are likely to come from a script that went wrong. */
const MAX_UNFINISHED = 10_000;
/** A response names at most so many failed atoms of a build; all of them can be listed as atoms. */
const MAX_FAILED_SHOWN = 10_000;
const MAX_RERUN = 1_000_000;
const MAX_FAILED_SHOWN_IN_LIST = 100;
const MAX_INTERRUPTED_SHOWN = 100;
/** Shorter than clients wait for a response; the build may still be about to end then. */
const MAX_CANCEL_MS = 20_000;
/** How late the end of the grace may be noticed. */
const END_NOTICED_MS = 2_000;

/** The actions of clients on builds. */
export class Builds {
  readonly #master: MasterState;
  readonly #bundles: Pick<MasterBundles, 'chain'>;
  readonly #kept: KeptResults;

  constructor(master: MasterState, bundles: Pick<MasterBundles, 'chain'>, kept: KeptResults) {
    this.#master = master;
    this.#kept = kept;
    this.#bundles = bundles;
  }

  async create(request: BuildRequest): Promise<BuildId> {
    const master = this.#master;
    master.writer.requireWritable();
    master.disk.requireSpace();
    const { project, remoteFiles } = checkRequest(request);
    if (project.type === 'snapshot' && this.#bundles.chain(project.hash).length === 0) {
      throw new ClusterRunnerError(
        'NOT_FOUND',
        `The master does not have the snapshot ${project.hash} (any more); send it again.`,
      );
    }
    if (master.builds.size >= MAX_UNFINISHED) {
      throw new ClusterRunnerError(
        'UNAVAILABLE',
        `${MAX_UNFINISHED} builds have not ended yet; wait until some have, or cancel those that are not needed.`,
      );
    }
    const progress = newBuild(master.nowSeconds);
    const { now } = master;
    const [id] = await master.writer.write([
      insertBuild(request, progress.timestamps),
      appendBuildCreated(now),
    ]);
    const work = new BuildWork(id, progress, newTask('preparation'), request.priority);
    master.addBuild(new ActiveBuild({ id, work, request, project, remoteFiles }));
    master.workAppeared();
    return id;
  }

  /**
   * Creates a build of atoms of an ended one, with its commit, job and files. To run all, the new build lists its atoms
   * itself unless the request named them.
   * @throws NOT_FOUND; CONFLICT when it still runs, or there is nothing to run again
   */
  async rerun(id: BuildId, atoms: RerunAtoms, requestedBy?: string): Promise<BuildId> {
    const row = (await this.#running(id)) === null ? await this.row(id) : null;
    if (row === null || !isEnded(row.state)) {
      throw new ClusterRunnerError('CONFLICT', `Build ${id} still runs; wait for its end, or cancel it.`);
    }
    const { branch, only_affected, requested_by: _, ...request } = readRequest(row.request);
    const again =
      atoms === 'failed'
        ? { atoms_override: await this.#failedOf(row) }
        : only_affected === undefined
          ? {}
          : { only_affected };
    // Its branch may have another commit by now.
    const version =
      row.commit_hash === null ? { ...(branch === undefined ? {} : { branch }) } : { hash: row.commit_hash };
    return this.create({
      ...request,
      ...version,
      ...(requestedBy === undefined ? {} : { requested_by: requestedBy }),
      ...(row.job === null ? {} : jobAgain(row.job)),
      ...again,
    });
  }

  async list(page: BuildsPage): Promise<{ builds: Build[]; total: number }> {
    const { rows, total } = await pageOfBuilds(this.#master.store.db, page);
    return { builds: await this.#listed(rows), total };
  }

  /** See MasterService. */
  async listChosen(chosen: readonly BuildId[]): Promise<Build[]> {
    return this.#listed(await chosenBuilds(this.#master.store.db, chosen));
  }

  async #listed(rows: readonly BuildRow[]): Promise<Build[]> {
    const builds: BuildAndJob[] = [];
    for (const row of rows) {
      builds.push(await this.#present(row, MAX_FAILED_SHOWN_IN_LIST));
    }
    return this.#inList(builds);
  }

  /** Oldest first. */
  async listUnfinished({ offset, limit }: Page): Promise<{ builds: Build[]; total: number }> {
    const running = [...this.#master.builds.values()].filter(({ ending }) => ending === null);
    const builds = running.slice(offset, offset + limit).map((build) => this.#presentRunning(build));
    return { builds: await this.#inList(builds), total: running.length };
  }

  /** The builds that have not ended, in the order in which they get executors. */
  async queue(page: Page): Promise<Queue> {
    const running = [...this.#master.builds.values()].filter(({ ending }) => ending === null);
    const { builds, waiting } = queuePage(this.#master, running, page);
    return {
      builds: await this.#inList(builds.map((build) => this.#presentRunning(build))),
      total: running.length,
      waiting,
    };
  }

  /** @throws NOT_FOUND */
  async get(id: BuildId): Promise<Build> {
    const build = await this.#running(id);
    // Before anything else is read: a build that ends meanwhile is shown as ended only when that is stored.
    const presented =
      build === null
        ? await this.#present(await this.row(id), MAX_FAILED_SHOWN)
        : this.#presentRunning(build);
    const activity = build === null ? null : await activityOf(this.#master, build);
    const [withJob] = await withJobIds(this.#master.store.db, [presented]);
    return { ...(withJob ?? presented.build), activity };
  }

  /**
   * Resolves when the build has ended, which takes a moment if something runs, or when `gone` is aborted. Does nothing to
   * a build that has ended. @throws NOT_FOUND
   */
  async cancel(id: BuildId, gone: AbortSignal = new AbortController().signal): Promise<Build> {
    const master = this.#master;
    const build = await this.#running(id);
    if (build !== null) {
      master.writer.requireWritable();
      const change = new StateChange();
      stopBuild(master, build, { state: 'CANCELED', message: 'The build was canceled.' }, change);
      await commitStop(master, change, [build]);
      if (build.ending === null) {
        const ms = Math.min(master.endGraceMs + END_NOTICED_MS, MAX_CANCEL_MS);
        await master.watchers.wait(master.clock, id, 'end', ms, gone);
      }
    }
    return this.get(id);
  }

  /** null while it runs. @throws NOT_FOUND */
  async archiveContents(id: BuildId): Promise<ArchiveContents | null> {
    const isOver = (await this.#running(id)) === null && isEnded((await this.row(id)).state);
    return isOver ? await this.contentsSoFar(id) : null;
  }

  /** The part of its results that slaves have delivered. */
  async contentsSoFar(id: BuildId): Promise<ArchiveContents> {
    const { db } = this.#master.store;
    const failed = await failedAtoms(db, id, Number.MAX_SAFE_INTEGER);
    const delivered = await deliveredSubjobs(db, id);
    const archives = delivered.map((subjob) => {
      return { subjob, path: archivePath(this.#master.resultsDirectory, id, subjob) };
    });
    archives.push(...(await this.#kept.archivesOf(id)));
    return {
      files: archives.sort((a, b) => a.subjob - b.subjob).map(({ path }) => path),
      failedFolders: failed.map((atom) => atomFolder(toId.subjob(atom.subjob_id), toId.atom(atom.atom_id))),
    };
  }

  /** See MasterService. */
  async archivesOfSubjob(id: BuildId, subjob: SubjobId): Promise<SubjobArchives> {
    const { store, resultsDirectory } = this.#master;
    const isOver = (await this.#running(id)) === null && isEnded((await this.row(id)).state);
    const isDelivered = (await findSubjob(store.db, id, subjob))?.state === 'DONE';
    const kept = isOver ? await this.#kept.archivesOf(id) : [];
    return {
      files: [
        ...(isDelivered ? [archivePath(resultsDirectory, id, subjob)] : []),
        ...kept.filter((archive) => archive.subjob === subjob).map(({ path }) => path),
      ],
      isOver,
    };
  }

  /** See MasterService. */
  async followArchives(id: BuildId, end: AbortSignal): Promise<AsyncIterable<readonly string[]> | null> {
    const build = await this.#running(id);
    if (build !== null) {
      return arrivingArchives(this.#master, this.#kept, build, end);
    }
    await this.row(id);
    return null;
  }

  /** The build, unless it has ended. Waits for the commit of its end. */
  unfinished(id: BuildId): Promise<ActiveBuild | null> {
    return this.#running(id);
  }

  /** @throws NOT_FOUND */
  async course(id: BuildId): Promise<BuildCourse> {
    return found(id, await findBuildCourse(this.#master.store.db, id));
  }

  /** @throws NOT_FOUND */
  async row(id: BuildId): Promise<BuildRow> {
    return found(id, await findBuild(this.#master.store.db, id));
  }

  /** @throws NOT_FOUND */
  async head(id: BuildId): Promise<Pick<BuildRow, 'job' | 'num_atoms' | 'num_subjobs'>> {
    return found(id, await findBuildHead(this.#master.store.db, id));
  }

  /** Waits for the commit of a build's end: a client that has seen the end must not see the build run again. */
  async #running(id: BuildId): Promise<ActiveBuild | null> {
    const build = this.#master.builds.get(id);
    await build?.ending;
    return build === undefined || build.ending !== null ? null : build;
  }

  /** @throws CONFLICT when no atom has failed */
  async #failedOf(row: BuildRow): Promise<GivenAtom[]> {
    const failed = await failedAtoms(this.#master.store.db, idOf(row), MAX_RERUN);
    if (row.job === null || failed.length === 0) {
      throw new ClusterRunnerError(
        'CONFLICT',
        `No atom of build ${row.id} has failed, so there is none to run again.`,
      );
    }
    return failed.map(({ variable, value }) => ({ [variable]: value }));
  }

  async #inList(builds: readonly BuildAndJob[]): Promise<Build[]> {
    return (await withJobIds(this.#master.store.db, builds)).map(asListed);
  }

  #presentRunning(build: ActiveBuild): BuildAndJob {
    return withJobName(presentRunning(this.#master.leases, build), build.request, build.job);
  }

  async #present(row: BuildRow, maxFailed: number): Promise<BuildAndJob> {
    const job = row.job === null ? null : readJobColumn(row.job);
    const withName = (build: Build) => withJobName(build, build.request_params, job);
    if (isEnded(row.state)) {
      const hasFailed = row.num_atoms_failed > 0;
      const failed = hasFailed ? await failedAtoms(this.#master.store.db, idOf(row), maxFailed) : [];
      const isFlaky = row.num_atoms_flaky > 0;
      const flaky = isFlaky ? await flakyAtoms(this.#master.store.db, idOf(row), maxFailed) : [];
      const isCut = row.state === 'CANCELED' || row.state === 'ERROR';
      const cut = isCut
        ? await interruptedAtoms(this.#master.store.db, idOf(row), MAX_INTERRUPTED_SHOWN)
        : [];
      return withName(presentRow(row, job, { failed, flaky, interrupted: cut }));
    }
    const build = await this.#running(idOf(row));
    if (build !== null) {
      return this.#presentRunning(build);
    }
    // It has ended since the row was read, or it is being created and has come no further than the row says.
    const again = await this.row(idOf(row));
    return isEnded(again.state)
      ? this.#present(again, maxFailed)
      : withName(presentRow(again, job, { failed: [], flaky: [], interrupted: [] }));
  }
}

function found<Row>(id: BuildId, row: Row | undefined): Row {
  if (row === undefined) {
    throw new ClusterRunnerError(
      'NOT_FOUND',
      `There is no build ${id}; \`clusterrunner list\` and GET /v1/build list them.`,
    );
  }
  return row;
}

/** The part of a request that runs a known job. */
function jobAgain(job: string): Pick<BuildRequest, 'job_name' | 'config'> {
  const { name, definition } = readJobColumn(job);
  return { job_name: name, config: definition };
}

function idOf(row: Pick<BuildRow, 'id'>): BuildId {
  return toId.build(row.id);
}

/** Without what takes its whole request and job to say. */
function asListed(build: Build): Build {
  return { ...build, atom_variables: [], request_params: listedRequest(build.request_params) };
}
