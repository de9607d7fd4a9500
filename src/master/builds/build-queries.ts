import { isEnded } from '../../domain/build-state.js';
import { shellText } from '../../job/shell-text.js';
import type { ConsoleSearch } from '../../protocol/build/console-search.js';
import type { Explanation } from '../../protocol/build/explanation.js';
import type { AtomOrder } from '../../protocol/build/search-parameters.js';
import type { Atom, ConsolePage, Subjob } from '../../protocol/build/work.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { type AtomId, type BuildId, type LeaseId, type SubjobId, toId } from '../../protocol/ids.js';
import type { ConsoleIndex, ResultIndex } from '../../protocol/results/result-index.js';
import { archivePath } from '../archives/archive-files.js';
import { readArchivedConsole } from '../consoles/archived.js';
import type { LiveConsoles } from '../consoles/live.js';
import type { ConsoleSearcher } from '../consoles/search/console-searcher.js';
import type { ConsoleLines, ConsoleSearchRequest, Page } from '../state/master-api.js';
import type { MasterState } from '../state/master-state.js';
import {
  type AtomView,
  atomsOfSubjobs,
  chosenAtoms,
  findAtom,
  pageOfAtoms,
  pageOfAtomsOfSubjob,
  pageOfSubjobs,
  viewSubjob,
} from '../store/atom-views.js';
import { readJobColumn } from '../store/builds.js';
import { type AtomCriteria, type AtomRange, type FoundAtom, searchAtoms } from '../store/searches.js';
import { findResultIndex, findSubjob } from '../store/subjobs.js';
import { bySubjobOf, presentAtom, presentSubjob } from '../views/atom-view.js';
import { explainRunning } from '../views/explain-build.js';
import { explainCache } from '../views/explain-cache.js';
import type { Builds } from './build-commands.js';

/** Reads about the subjobs, atoms and consoles of builds, and why they wait. */
export class BuildQueries {
  readonly #master: MasterState;
  readonly #builds: Builds;
  readonly #consoles: LiveConsoles;
  readonly #searcher: ConsoleSearcher;

  constructor(master: MasterState, builds: Builds, consoles: LiveConsoles, searcher: ConsoleSearcher) {
    this.#consoles = consoles;
    this.#searcher = searcher;
    this.#master = master;
    this.#builds = builds;
  }

  /** @throws NOT_FOUND */
  async explain(id: BuildId): Promise<Explanation> {
    const build = await this.#builds.unfinished(id);
    if (build !== null) {
      const { job, counts } = build;
      const explanation = await explainRunning(this.#master, build);
      return { ...explanation, cache: await explainCache(this.#master.store.db, id, job, counts.cached) };
    }
    const { state, job, num_atoms_cached: cached } = await this.#builds.row(id);
    return {
      build_id: id,
      state,
      reasons: [
        isEnded(state)
          ? { reason: 'ENDED', text: `The build is ${state}; it waits for nothing.` }
          : { reason: 'STARTING', text: 'The build was requested just now.' },
      ],
      num_executors: [...this.#master.slaves.connected()].reduce((sum, slave) => sum + slave.numExecutors, 0),
      num_executors_busy: [...this.#master.slaves.connected()].reduce(
        (sum, slave) => sum + this.#master.leases.executorsInUse(slave),
        0,
      ),
      builds: [],
      running: [],
      cache: await explainCache(this.#master.store.db, id, job === null ? null : readJobColumn(job), cached),
    };
  }

  /** @throws NOT_FOUND */
  async listSubjobs(build: BuildId, page: Page): Promise<{ subjobs: Subjob[]; total: number }> {
    const { db } = this.#master.store;
    const { job, num_subjobs } = await this.#builds.head(build);
    // Until a build begins, its subjobs may be stored in part.
    const rows = job === null ? [] : await pageOfSubjobs(db, build, page);
    const command = commandOf(job);
    const ids = rows.map(({ subjob_id }) => subjob_id);
    const atoms = bySubjobOf(ids.length === 0 ? [] : await atomsOfSubjobs(db, build, ids));
    return {
      subjobs: rows.map((row) => presentSubjob(row, command, atoms.get(row.subjob_id) ?? [])),
      total: num_subjobs ?? 0,
    };
  }

  /** @throws NOT_FOUND */
  async getSubjob(build: BuildId, subjob: SubjobId): Promise<Subjob> {
    const { db } = this.#master.store;
    const command = commandOf((await this.#builds.head(build)).job);
    const row = await viewSubjob(db, build, subjob);
    if (row === undefined) {
      throw noSubjob(build, subjob);
    }
    return presentSubjob(row, command, await atomsOfSubjobs(db, build, [subjob]));
  }

  /** @throws NOT_FOUND */
  async listAtoms(
    build: BuildId,
    subjob: SubjobId | null,
    page: Page,
  ): Promise<{ atoms: Atom[]; total: number }> {
    const { db } = this.#master.store;
    const { job, num_atoms } = await this.#builds.head(build);
    if (subjob === null) {
      const rows = job === null ? [] : await pageOfAtoms(db, build, page);
      return { atoms: rows.map(presentAtom), total: num_atoms ?? 0 };
    }
    if ((await findSubjob(db, build, subjob)) === undefined) {
      throw noSubjob(build, subjob);
    }
    const { rows, total } = await pageOfAtomsOfSubjob(db, build, subjob, page);
    return { atoms: rows.map(presentAtom), total };
  }

  /** See MasterReading. @throws NOT_FOUND */
  async searchAtoms(
    build: BuildId,
    criteria: AtomCriteria,
    order: AtomOrder,
    range: AtomRange,
  ): Promise<{ found: FoundAtom[]; numAtoms: number }> {
    const { job, num_atoms } = await this.#builds.head(build);
    const found = job === null ? [] : await searchAtoms(this.#master.store.db, build, criteria, order, range);
    return { found, numAtoms: num_atoms ?? 0 };
  }

  /** See MasterReading. */
  async chosenAtoms(build: BuildId, chosen: readonly AtomId[]): Promise<Atom[]> {
    return (await chosenAtoms(this.#master.store.db, build, chosen)).map(presentAtom);
  }

  /** @throws NOT_FOUND */
  async getAtom(build: BuildId, atom: AtomId): Promise<Atom> {
    return presentAtom(await this.#atom(build, atom));
  }

  /** @throws NOT_FOUND */
  async readConsole(build: BuildId, atom: AtomId, lines: ConsoleLines): Promise<ConsolePage> {
    const view = await this.#atom(build, atom);
    const kept = await this.#archived(build, view.subjob_id, atom);
    const page =
      kept === null
        ? await this.#consoles.read(build, atom, attemptOf(view), lines)
        : await readArchivedConsole(kept.archive, kept.index, kept.console, lines);
    return page ?? { offset_line: lines.offsetLine ?? 0, num_lines: 0, total_num_lines: 0, content: '' };
  }

  /** @throws NOT_FOUND, INVALID_REQUEST, RESULT_UNREADABLE; UNAVAILABLE when too many searches wait */
  async searchConsole(
    build: BuildId,
    atom: AtomId,
    { text, isRegex, isExact, fromLine, maxMatches }: ConsoleSearchRequest,
    gone: AbortSignal,
  ): Promise<ConsoleSearch> {
    const view = await this.#atom(build, atom);
    const kept = await this.#archived(build, view.subjob_id, atom);
    const content = kept ??
      (await this.#consoles.content(build, atom, attemptOf(view))) ?? {
        bytes: new Uint8Array(),
        linesBefore: 0,
      };
    const wanted = { text, isRegex, isExact };
    return this.#searcher.search({ content, wanted, request: { fromLine, maxMatches } }, gone);
  }

  /** null when there is no archive yet, or it has no console of the atom. */
  async #archived(
    build: BuildId,
    subjob: number,
    atom: AtomId,
  ): Promise<{ archive: string; index: ResultIndex; console: ConsoleIndex } | null> {
    const index = await findResultIndex(this.#master.store.db, build, toId.subjob(subjob));
    const console = index?.consoles.find(({ atom_id }) => atom_id === atom);
    if (index === null || console === undefined) {
      return null;
    }
    return { archive: archivePath(this.#master.resultsDirectory, build, subjob), index, console };
  }

  async #atom(build: BuildId, atom: AtomId): Promise<AtomView> {
    const view = await findAtom(this.#master.store.db, build, atom);
    if (view === undefined) {
      await this.#builds.head(build);
      throw new ClusterRunnerError('NOT_FOUND', `Build ${build} has no atom ${atom}.`);
    }
    return view;
  }
}

/** The lease that has reported the final state of an atom; null while the atom may still print. */
function attemptOf({ state, failed, lease_id }: AtomView): LeaseId | null {
  return (failed !== null || state === 'INTERRUPTED') && lease_id !== null ? toId.lease(lease_id) : null;
}

/** @param job as stored in its column */
function commandOf(job: string | null): string {
  return job === null ? '' : shellText(readJobColumn(job).definition.commands);
}

function noSubjob(build: BuildId, subjob: SubjobId): ClusterRunnerError {
  return new ClusterRunnerError('NOT_FOUND', `Build ${build} has no subjob ${subjob}.`);
}
