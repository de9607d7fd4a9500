import type { ExecutorLimits } from '../../domain/build-work.js';
import { classifyReport, newTask } from '../../domain/lease.js';
import { estimateFromHistory } from '../../domain/scheduling/duration-estimate.js';
import { type Group, groupAtoms } from '../../domain/scheduling/grouping.js';
import { KeyedMutex } from '../../lib/async/keyed-mutex.js';
import type { BuildRequest } from '../../protocol/build/build.js';
import type { NamedJob } from '../../protocol/build/job.js';
import type { Project } from '../../protocol/build/project.js';
import type { BuildId, SlaveId } from '../../protocol/ids.js';
import type { LeaseRef, Prepared } from '../../protocol/slave/slave-messages.js';
import { endBuild, endIfOver } from '../leases/finish-build.js';
import { reported, requireAcceptedBefore } from '../leases/lease-check.js';
import { preparationStep } from '../leases/lease-lifecycle.js';
import { executorsFor } from '../leases/regroup-waiting.js';
import type { ActiveBuild, ActiveLease } from '../state/entries.js';
import { type MasterState, StateChange } from '../state/master-state.js';
import { updateBuild } from '../store/builds.js';
import type { Write } from '../store/engine/write.js';
import { appendEvent } from '../store/events.js';
import { endLease } from '../store/leases.js';
import { readTimings } from '../store/timings.js';
import { projectKey } from './build-request.js';
import { writePlan } from './store-atoms.js';

/** Takes the reports of the slave that prepares a build. */
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
    const build = await this.#current(slave, id, report.lease);
    if (build === null) {
      return;
    }
    const { atoms, job, lease } = report;
    const histories = await readTimings(master.store.db, projectKey(build.project), job.name, atoms);
    const estimates = histories.map(estimateFromHistory);
    const executors = executorsFor(master, limitsOf(job, build.request));
    const groups = groupAtoms(
      estimates.map((estimate, index) => ({ index, ...estimate })),
      executors,
    );
    const isWanted = () =>
      build.ending === null && classifyReport(build.work.preparation, lease) === 'current';
    const lastPiece = await writePlan(master, id, { atoms, estimates, groups }, isWanted);
    if (!isWanted()) {
      // The lease has ended meanwhile, or the build; there is an answer for that.
      return this.#prepared(slave, id, report);
    }
    const found = reported(master, build, null, lease);
    if (found === 'accepted') {
      throw new Error(`The preparation of build ${id} was accepted out of turn.`);
    }
    master.writer.requireWritable();
    await master.commit(this.#begin(build, found.held, report, { groups, executors }, lastPiece));
    master.workAppeared();
  }

  /** The build ends with this error. @throws SLAVE_UNKNOWN, NOT_FOUND, STALE_LEASE */
  async failed(slave: SlaveId, id: BuildId, lease: LeaseRef, error: string): Promise<void> {
    const master = this.#master;
    const build = await this.#current(slave, id, lease);
    const found = build === null ? 'accepted' : reported(master, build, null, lease);
    if (build === null || found === 'accepted') {
      return;
    }
    master.writer.requireWritable();
    const change = new StateChange();
    this.#endLease(found.held, change);
    change.writes.push(preparationStep(build));
    endBuild(master, build, 'ERROR', error, change);
    await master.commit(change);
  }

  /** null when the report was accepted before. */
  async #current(slave: SlaveId, id: BuildId, lease: LeaseRef): Promise<ActiveBuild | null> {
    const master = this.#master;
    master.slaves.hear(slave, master.now);
    const build = master.builds.get(id);
    if (build === undefined || build.ending !== null) {
      await build?.ending;
      await requireAcceptedBefore(master, id, null, lease);
      return null;
    }
    if (reported(master, build, null, lease) === 'accepted') {
      await master.writer.flush();
      return null;
    }
    return build;
  }

  #begin(
    build: ActiveBuild,
    held: ActiveLease,
    report: Prepared,
    { groups, executors }: { readonly groups: readonly Group[]; readonly executors: number },
    lastPiece: Write[],
  ): StateChange {
    const master = this.#master;
    const { id, work } = build;
    const change = new StateChange();
    this.#endLease(held, change);
    build.project = resolved(build.project, report.commit);
    build.revision = report.revision ?? null;
    build.job = report.job;
    build.numAtoms = report.atoms.length;
    work.enter('BUILDING', master.nowSeconds);
    build.buildingSince = master.steady;
    work.setSubjobs(
      groups.map(({ atoms, ...estimate }) => ({
        ...estimate,
        atoms: atoms.length,
        task: newTask,
        executorIndex: null,
      })),
      limitsOf(report.job, build.request),
      { executors, assumed: null },
    );
    const { now } = master;
    const row = {
      job: JSON.stringify(report.job),
      commit_hash: report.commit,
      revision: report.revision === undefined ? null : JSON.stringify(report.revision),
      num_atoms: report.atoms.length,
      num_subjobs: groups.length,
      planned_executors: executors,
    };
    const facts = { build_id: id, num_atoms: report.atoms.length, num_subjobs: groups.length };
    change.writes.push(
      preparationStep(build),
      ...lastPiece,
      updateBuild(id, row),
      appendEvent('BUILD_PREPARED', facts, now),
    );
    endIfOver(master, build, change);
    return change;
  }

  #endLease(held: ActiveLease, change: StateChange): void {
    const { now } = this.#master;
    this.#master.releaseLease(held);
    held.build.work.endPreparation({ kind: 'completed' });
    change.writes.push(endLease(held.task.lease, 'DELIVERED', now));
  }
}

/** What the job says, and the request where it says otherwise. */
export function limitsOf({ definition }: NamedJob, { speculative }: BuildRequest): ExecutorLimits {
  return {
    speculative: speculative ?? definition.speculative ?? false,
    maxExecutors: definition.max_executors ?? Infinity,
    maxExecutorsPerSlave: definition.max_executors_per_slave ?? Infinity,
  };
}

/** All slaves run the commit that the first one found. */
export function resolved(project: Project, commit: string | null): Project {
  return project.type === 'git' && commit !== null ? { ...project, hash: commit } : project;
}
