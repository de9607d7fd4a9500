import type { Limits } from '../domain/build-work.js';
import { type Expectation, expectationOf, unknown } from '../domain/expectation.js';
import { type Group, groupAtoms } from '../domain/grouping.js';
import { newTask } from '../domain/lease.js';
import type { BuildRequest } from '../protocol/build.js';
import type { BuildId, SlaveId } from '../protocol/ids.js';
import type { NamedJob } from '../protocol/job.js';
import type { Project } from '../protocol/project.js';
import type { LeaseRef, ListedAtom, Prepared } from '../protocol/slave.js';
import { type BuildEntry, Change, type Cluster, type Held } from './cluster.js';
import { endBuild, finishIfComplete } from './ending.js';
import { preparationStep } from './leases.js';
import { executorsFor } from './regrouping.js';
import { reported, requireAcceptedBefore } from './reports.js';
import { projectKey } from './requests.js';
import { insertAtoms, type NewAtom } from './store/atoms.js';
import { updateBuild } from './store/builds.js';
import { appendEvent } from './store/events.js';
import { endLease } from './store/leases.js';
import { insertSubjobs } from './store/subjobs.js';
import { readTimings } from './store/timings.js';

/** Takes the reports of the slave that prepares a build. */
export class Preparation {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** @throws SLAVE_UNKNOWN, NOT_FOUND, STALE_LEASE */
  async prepared(slave: SlaveId, id: BuildId, report: Prepared): Promise<void> {
    const cluster = this.#cluster;
    const build = await this.#current(slave, id, report.lease);
    if (build === null) {
      return;
    }
    const histories = await readTimings(
      cluster.store.db,
      projectKey(build.project),
      report.job.name,
      report.atoms,
    );
    // The lease may have ended, or this very report may have been accepted, while the history was read.
    const { ending } = build;
    const found = ending === null ? reported(cluster, build, null, report.lease) : null;
    if (found === null || found === 'accepted') {
      return this.prepared(slave, id, report);
    }
    cluster.journal.requireWhole();
    await cluster.commit(this.#begin(build, found.held, report, histories.map(expectationOf)));
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

  #begin(build: BuildEntry, held: Held, report: Prepared, expectations: readonly Expectation[]): Change {
    const cluster = this.#cluster;
    const { id, work } = build;
    const limits = limitsOf(report.job, build.request);
    const executors = executorsFor(cluster, limits);
    const groups = groupAtoms(
      expectations.map((expectation, index) => ({ index, ...expectation })),
      executors,
    );
    const change = new Change();
    this.#endLease(held, change);
    build.project = resolved(build.project, report.commit);
    build.job = report.job;
    build.numAtoms = report.atoms.length;
    work.enter('BUILDING', cluster.nowSeconds);
    work.setSubjobs(
      groups.map((group) => ({ ...group, atoms: group.atoms.length, task: newTask, executorIndex: null })),
      limits,
      { executors, assumed: null },
    );
    const { now } = cluster;
    const row = {
      job: JSON.stringify(report.job),
      commit_hash: report.commit,
      num_atoms: report.atoms.length,
      num_subjobs: groups.length,
      planned_executors: executors,
    };
    const facts = { build_id: id, num_atoms: report.atoms.length, num_subjobs: groups.length };
    change.steps.push(preparationStep(build), async (db) => {
      await insertSubjobs(
        db,
        id,
        groups.map((group, subjob) => ({ ...group, id: subjob, atoms: group.atoms.length })),
      );
      await insertAtoms(db, id, newAtoms(report.atoms, groups, expectations));
      await updateBuild(db, id, row);
      await appendEvent(db, 'BUILD_PREPARED', facts, now);
    });
    finishIfComplete(cluster, build, change);
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

/** In order of atom, which is the order in which they were listed. */
function newAtoms(
  listed: readonly ListedAtom[],
  groups: readonly Group[],
  expectations: readonly Expectation[],
): NewAtom[] {
  const subjobOf = new Array<number>(listed.length).fill(0);
  groups.forEach(({ atoms }, subjob) => {
    for (const atom of atoms) {
      subjobOf[atom] = subjob;
    }
  });
  return listed.map(({ variable, value }, id) => ({
    id,
    subjob: subjobOf[id] ?? 0,
    variable,
    value,
    ...(expectations[id] ?? unknown),
  }));
}
