import type { ExecutorLimits } from '../../domain/build-work.js';
import { cachedTask, classifyReport, newTask, preparation } from '../../domain/lease.js';
import { estimateFromHistory, noEstimate } from '../../domain/scheduling/duration-estimate.js';
import type { Group } from '../../domain/scheduling/group.js';
import { type AtomToGroup, groupAtoms } from '../../domain/scheduling/grouping.js';
import { projectKey } from '../../job/build-request.js';
import { KeyedMutex } from '../../lib/async/keyed-mutex.js';
import type { Affected, BuildRequest } from '../../protocol/build/build.js';
import type { NamedJob } from '../../protocol/build/job.js';
import type { Project } from '../../protocol/build/project.js';
import type { BuildId, SlaveId } from '../../protocol/ids.js';
import type { LeaseRef, Prepared } from '../../protocol/slave/slave-messages.js';
import { failureRisks } from '../history/failure-risks.js';
import { endBuild, endIfOver } from '../leases/finish-build.js';
import { reportedLease, requireAcceptedBefore } from '../leases/lease-check.js';
import { otherHolders, preparationWrite } from '../leases/lease-lifecycle.js';
import { executorsFor } from '../leases/regroup-waiting.js';
import type { ActiveLease } from '../state/active-lease.js';
import { type MasterState, StateChange } from '../state/master-state.js';
import type { CacheFacts } from '../store/atoms.js';
import { updateBuild } from '../store/builds.js';
import type { Write } from '../store/engine/write.js';
import { appendEvent } from '../store/events.js';
import { endLease } from '../store/leases.js';
import { cacheSubjobs } from '../store/subjobs.js';
import { readTimings } from '../store/timings.js';
import { cacheFactsOf } from './cached-atoms.js';
import { writePlan } from './store-atoms.js';

/** Atoms of a subjob of cached atoms: few enough for a response about one subjob. */
const CACHED_GROUP = 100;

/** Accepts the reports of slaves that prepare builds. */
export class PreparationReports {
  readonly #master: MasterState;
  /** Two reports of one build must not mix their atoms. */
  readonly #turns = new KeyedMutex();

  constructor(master: MasterState) {
    this.#master = master;
  }

  /** @throws SLAVE_UNKNOWN, NOT_FOUND, STALE_LEASE, UNAVAILABLE */
  async prepared(slave: SlaveId, id: BuildId, report: Prepared): Promise<void> {
    await this.#turns.run(String(id), () => this.#prepared(slave, id, report));
  }

  async #prepared(slave: SlaveId, id: BuildId, report: Prepared): Promise<void> {
    const master = this.#master;
    const found = await this.#findLease(slave, id, report.lease);
    if (found === 'accepted') {
      return;
    }
    const { build } = found;
    const { atoms, job, lease } = report;
    const histories = await readTimings(master.store.db, projectKey(build.project), job.name, atoms);
    const cacheFacts = await cacheFactsOf(master, build, report);
    const estimates = histories.map(estimateFromHistory);
    const { project, request } = build;
    const affected = new Set(report.affected?.places);
    const isAffected = (place: number) => affected.has(place);
    const risks = await failureRisks(master.store.db, { project, job, request }, atoms, isAffected);
    const executors = executorsFor(master, limitsOf(job, request));
    const { cached, toRun } = divided(
      estimates.map((estimate, index) => ({ index, ...estimate, risk: risks?.[index] ?? 0 })),
      cacheFacts,
    );
    const cachedGroups = groupCached(cached);
    const batch = job.definition.batch?.size ?? null;
    const groups = [...cachedGroups, ...groupAtoms(toRun, executors, null, batch)];
    const isWanted = () =>
      build.ending === null && classifyReport(build.work.preparation, lease) === 'current';
    const lastPiece = await writePlan(master, id, { atoms, estimates, groups, cacheFacts }, isWanted);
    if (!isWanted()) {
      // Meanwhile the lease has ended, or the build: the report is refused, or accepted, accordingly.
      return this.#prepared(slave, id, report);
    }
    const held = reportedLease(master, build, preparation, lease);
    if (held === 'accepted') {
      throw new Error(`The preparation of build ${id} was accepted out of turn.`);
    }
    master.writer.requireWritable();
    const plan = { groups, executors, numCached: cached.length, numCachedGroups: cachedGroups.length };
    await master.commit(this.#begin(held, report, plan, lastPiece));
    master.workAppeared();
  }

  /** Ends the build with this error. @throws SLAVE_UNKNOWN, NOT_FOUND, STALE_LEASE, UNAVAILABLE */
  async failed(slave: SlaveId, id: BuildId, ref: LeaseRef, error: string): Promise<void> {
    const master = this.#master;
    const lease = await this.#findLease(slave, id, ref);
    if (lease === 'accepted') {
      return;
    }
    master.writer.requireWritable();
    const change = new StateChange();
    this.#endLease(lease, change);
    change.writes.push(preparationWrite(lease.build));
    endBuild(master, lease.build, 'ERROR', error, change);
    await master.commit(change);
  }

  async #findLease(slave: SlaveId, id: BuildId, ref: LeaseRef): Promise<ActiveLease | 'accepted'> {
    const master = this.#master;
    master.slaves.recordContact(slave, master.now);
    const build = master.runningBuild(id);
    if (build === undefined) {
      await requireAcceptedBefore(master, id, preparation, ref);
      return 'accepted';
    }
    const lease = reportedLease(master, build, preparation, ref);
    if (lease === 'accepted') {
      await master.writer.flush();
    }
    return lease;
  }

  #begin(
    lease: ActiveLease,
    report: Prepared,
    { groups, executors, numCached, numCachedGroups }: Plan,
    lastPiece: Write[],
  ): StateChange {
    const master = this.#master;
    const { build } = lease;
    const { id, work } = build;
    const { places, affected } = affectedOf(report);
    const change = new StateChange();
    this.#endLease(lease, change);
    work.enter('BUILDING', master.nowSeconds);
    const prepared = {
      project: resolved(build.project, report.commit),
      revision: report.revision ?? null,
      job: report.job,
      numAtoms: report.atoms.length,
      affected,
      affectedAtoms: new Set(places),
      buildingSince: master.steady,
      surroundings: report.inputs?.surroundings ?? null,
    };
    build.begin(prepared, numCached);
    work.setSubjobs(
      groups.map(({ atoms, ...estimate }, place) => ({
        ...estimate,
        atoms: atoms.length,
        task: place < numCachedGroups ? cachedTask(lease.id) : newTask('subjob'),
      })),
      limitsOf(report.job, build.request),
      { executors, assumed: null },
    );
    const { now } = master;
    const row = {
      job: report.job,
      commit_hash: report.commit,
      revision: report.revision ?? null,
      num_atoms: report.atoms.length,
      num_subjobs: groups.length,
      planned_executors: executors,
      affected,
      affected_atoms: places,
      surroundings: build.surroundings,
      num_atoms_cached: numCached,
    };
    const facts = {
      build_id: id,
      num_atoms: report.atoms.length,
      num_subjobs: groups.length,
      ...(numCached === 0 ? {} : { num_atoms_cached: numCached }),
    };
    change.writes.push(
      preparationWrite(build),
      ...lastPiece,
      ...(numCachedGroups === 0 ? [] : [cacheSubjobs(id, numCachedGroups, lease.id)]),
      updateBuild(id, row),
      appendEvent('BUILD_PREPARED', facts, now),
    );
    endIfOver(master, build, change);
    return change;
  }

  #endLease(lease: ActiveLease, change: StateChange): void {
    const { now } = this.#master;
    const superseded = otherHolders(this.#master, lease);
    for (const one of [lease, ...superseded]) {
      this.#master.leases.release(one);
    }
    lease.build.work.endLease(preparation, lease.id, { kind: 'completed' });
    change.writes.push(
      endLease(lease.id, 'DELIVERED', now),
      ...superseded.map(({ id }) => endLease(id, 'CANCELED', now)),
    );
    if (superseded.length > 0) {
      this.#master.buildChanged(lease.build.id);
    }
  }
}

function affectedOf({ affected: reported }: Prepared): {
  readonly affected: Affected | null;
  /** null for none. */
  readonly places: readonly number[] | null;
} {
  if (reported === undefined) {
    return { affected: null, places: null };
  }
  const { places, ...affected } = reported;
  return { affected, places: places.length === 0 ? null : places };
}

/** The subjobs of a build that begins; the first ones hold its cached atoms. */
interface Plan {
  readonly groups: readonly Group[];
  readonly executors: number;
  readonly numCached: number;
  readonly numCachedGroups: number;
}

function divided(atoms: readonly AtomToGroup[], cacheFacts: readonly CacheFacts[] | null) {
  const isCached = ({ index }: AtomToGroup) => {
    const decision = cacheFacts?.[index]?.decision;
    return decision !== undefined && 'from' in decision;
  };
  return { cached: atoms.filter(isCached), toRun: atoms.filter((atom) => !isCached(atom)) };
}

/** Subjobs of cached atoms take no time, and are only shown. */
function groupCached(atoms: readonly AtomToGroup[]): Group[] {
  const groups: Group[] = [];
  for (let at = 0; at < atoms.length; at += CACHED_GROUP) {
    groups.push({ atoms: atoms.slice(at, at + CACHED_GROUP).map(({ index }) => index), ...noEstimate });
  }
  return groups;
}

/** The limits of the job; the request overrides what it names. */
export function limitsOf({ definition }: NamedJob, request: BuildRequest): ExecutorLimits {
  const speculative = request.speculative ?? definition.speculative;
  return {
    ...(speculative === undefined ? {} : { speculative }),
    maxExecutors: definition.max_executors ?? Infinity,
    maxExecutorsPerSlave: definition.max_executors_per_slave ?? Infinity,
  };
}

/** The project with the commit that the preparing slave found: all slaves run that one. */
export function resolved(project: Project, commit: string | null): Project {
  return project.type === 'git' && commit !== null ? { ...project, hash: commit } : project;
}
