import type { Limits } from '../../domain/build-work.js';
import { judge, newTask } from '../../domain/lease.js';
import { expectationOf } from '../../domain/scheduling/duration-estimate.js';
import { type Group, groupAtoms } from '../../domain/scheduling/grouping.js';
import { QueueByKey } from '../../lib/async/keyed-mutex.js';
import type { BuildRequest } from '../../protocol/build/build.js';
import type { NamedJob } from '../../protocol/build/job.js';
import type { Project } from '../../protocol/build/project.js';
import type { BuildId, SlaveId } from '../../protocol/ids.js';
import type { LeaseRef, Prepared } from '../../protocol/slave/slave.js';
import { endBuild, endIfOver } from '../leases/finish-build.js';
import { reported, requireAcceptedBefore } from '../leases/lease-check.js';
import { preparationStep } from '../leases/lease-lifecycle.js';
import { executorsFor } from '../leases/regroup-waiting.js';
import type { BuildEntry, Held } from '../state/entries.js';
import { Change, type Cluster } from '../state/master-state.js';
import type { Step } from '../state/state-writer.js';
import { updateBuild } from '../store/builds.js';
import { appendEvent } from '../store/events.js';
import { endLease } from '../store/leases.js';
import { readTimings } from '../store/timings.js';
import { projectKey } from './build-request.js';
import { writePlan } from './store-atoms.js';

/** Takes the reports of the slave that prepares a build. */
export class Preparation {
  readonly #cluster: Cluster;
  /** Two reports of one build must not mix their atoms. */
  readonly #turns = new QueueByKey();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** @throws SLAVE_UNKNOWN, NOT_FOUND, STALE_LEASE, UNAVAILABLE */
  async prepared(slave: SlaveId, id: BuildId, report: Prepared): Promise<void> {
    await this.#turns.run(String(id), () => this.#prepared(slave, id, report));
  }

  async #prepared(slave: SlaveId, id: BuildId, report: Prepared): Promise<void> {
    const cluster = this.#cluster;
    const build = await this.#current(slave, id, report.lease);
    if (build === null) {
      return;
    }
    const { atoms, job, lease } = report;
    const histories = await readTimings(cluster.store.db, projectKey(build.project), job.name, atoms);
    const expectations = histories.map(expectationOf);
    const executors = executorsFor(cluster, limitsOf(job, build.request));
    const groups = groupAtoms(
      expectations.map((expectation, index) => ({ index, ...expectation })),
      executors,
    );
    const isWanted = () => build.ending === null && judge(build.work.preparation, lease) === 'current';
    const lastPiece = await writePlan(cluster, id, { atoms, expectations, groups }, isWanted);
    if (!isWanted()) {
      // The lease has ended meanwhile, or the build; there is an answer for that.
      return this.#prepared(slave, id, report);
    }
    const found = reported(cluster, build, null, lease);
    if (found === 'accepted') {
      throw new Error(`The preparation of build ${id} was accepted out of turn.`);
    }
    cluster.journal.requireWhole();
    await cluster.commit(this.#begin(build, found.held, report, { groups, executors }, lastPiece));
    cluster.workAppeared();
  }

  /** The build ends with this error. @throws SLAVE_UNKNOWN, NOT_FOUND, STALE_LEASE */
  async failed(slave: SlaveId, id: BuildId, lease: LeaseRef, error: string): Promise<void> {
    const cluster = this.#cluster;
    const build = await this.#current(slave, id, lease);
    const found = build === null ? 'accepted' : reported(cluster, build, null, lease);
    if (build === null || found === 'accepted') {
      return;
    }
    cluster.journal.requireWhole();
    const change = new Change();
    this.#endLease(found.held, change);
    change.steps.push(preparationStep(build));
    endBuild(cluster, build, 'ERROR', error, change);
    await cluster.commit(change);
  }

  /** null when the report was accepted before. */
  async #current(slave: SlaveId, id: BuildId, lease: LeaseRef): Promise<BuildEntry | null> {
    const cluster = this.#cluster;
    cluster.slaves.hear(slave, cluster.now);
    const build = cluster.builds.get(id);
    if (build === undefined || build.ending !== null) {
      await build?.ending;
      await requireAcceptedBefore(cluster, id, null, lease);
      return null;
    }
    if (reported(cluster, build, null, lease) === 'accepted') {
      await cluster.journal.settled();
      return null;
    }
    return build;
  }

  #begin(
    build: BuildEntry,
    held: Held,
    report: Prepared,
    { groups, executors }: { readonly groups: readonly Group[]; readonly executors: number },
    lastPiece: Step[],
  ): Change {
    const cluster = this.#cluster;
    const { id, work } = build;
    const change = new Change();
    this.#endLease(held, change);
    build.project = resolved(build.project, report.commit);
    build.revision = report.revision ?? null;
    build.job = report.job;
    build.numAtoms = report.atoms.length;
    work.enter('BUILDING', cluster.nowSeconds);
    build.buildingSince = cluster.steady;
    work.setSubjobs(
      groups.map(({ atoms, ...expectation }) => ({
        ...expectation,
        atoms: atoms.length,
        task: newTask,
        executorIndex: null,
      })),
      limitsOf(report.job, build.request),
      { executors, assumed: null },
    );
    const { now } = cluster;
    const row = {
      job: JSON.stringify(report.job),
      commit_hash: report.commit,
      revision: report.revision === undefined ? null : JSON.stringify(report.revision),
      num_atoms: report.atoms.length,
      num_subjobs: groups.length,
      planned_executors: executors,
    };
    const facts = { build_id: id, num_atoms: report.atoms.length, num_subjobs: groups.length };
    change.steps.push(preparationStep(build), ...lastPiece, async (db) => {
      await updateBuild(db, id, row);
      await appendEvent(db, 'BUILD_PREPARED', facts, now);
    });
    endIfOver(cluster, build, change);
    return change;
  }

  #endLease(held: Held, change: Change): void {
    const { now } = this.#cluster;
    this.#cluster.letGo(held);
    held.build.work.endPreparation({ kind: 'completed' });
    change.steps.push((db) => endLease(db, held.task.lease, 'DELIVERED', now));
  }
}

/** What the job says, and the request where it says otherwise. */
export function limitsOf({ definition }: NamedJob, { speculative }: BuildRequest): Limits {
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
