import type { SlaveId } from '../protocol/ids.js';
import type { Assignment, LeaseRef, WorkAnswer, WorkRequest } from '../protocol/slave.js';
import { Change, type Cluster, type Held, type SlaveEntry } from './cluster.js';
import { atomsOf, giveBack, refOf, takeWork } from './leases.js';
import type { LongPolls, Taken } from './long-polls.js';
import { resultLimits } from './result-bounds.js';

const nothing: WorkAnswer = { assignments: [], cancel: [], release: [], drain: false };

/** Answers the slaves' questions for work. */
export class HandOut {
  readonly #cluster: Cluster;
  readonly #polls: LongPolls;
  readonly #leaseMs: number;

  constructor(cluster: Cluster, polls: LongPolls, leaseMs: number) {
    this.#cluster = cluster;
    this.#polls = polls;
    this.#leaseMs = leaseMs;
  }

  /** @throws SLAVE_UNKNOWN, UNAVAILABLE */
  async ask(slaveId: SlaveId, request: WorkRequest, gone: AbortSignal): Promise<WorkAnswer> {
    const cluster = this.#cluster;
    cluster.journal.requireWhole();
    const slave = cluster.slaves.hear(slaveId, cluster.now, request.instance);
    if (gone.aborted || request.poll < slave.lastPoll) {
      // Overtaken on its way by a newer question, which says what is true.
      return nothing;
    }
    slave.lastPoll = request.poll;
    slave.paused = request.paused ?? null;
    slave.freeDiskBytes = request.free_disk_bytes ?? null;
    for (const build of request.builds) {
      if (!slave.toldRelease.has(build)) {
        cluster.builds.get(build)?.work.setup.keep(slave.id);
      }
    }
    const poll = {};
    this.#supersede(slave, poll);
    slave.openPolls = new Set(request.open_polls);
    try {
      const coming = this.#requeueUnnamed(slave, request);
      const asked = lessComing(request, coming);
      const taken = await this.#find(slave, asked, gone);
      const isAwaited = () => !gone.aborted && (slave.poll === poll || slave.openPolls.has(request.poll));
      const assignments = taken === null ? [] : await this.#assign(taken, isAwaited);
      return slave.poll === poll && !gone.aborted
        ? this.#answer(slave, asked, assignments)
        : { ...nothing, assignments };
    } finally {
      if (slave.poll === poll) {
        slave.poll = null;
      }
    }
  }

  /**
   * A slave has one question open: the older one answers without news. What was taken for it is still brought by it if
   * the slave waits for it, and given back otherwise: a slave whose executors become free one by one asks again and
   * again, and would never get anything from a master that needs longer than that for an answer.
   */
  #supersede(slave: SlaveEntry, poll: object): void {
    slave.poll = poll;
    this.#polls.release(slave, 'over');
  }

  /**
   * What the slave does not name was in an answer that never arrived: its work goes back to the queue. Unless that
   * answer may still be on its way; how many leases are is answered.
   */
  #requeueUnnamed(slave: SlaveEntry, request: WorkRequest): number {
    const open = new Set(request.open_polls);
    let coming = 0;
    const named = new Set<number>(request.leases.map(({ lease_id }) => lease_id));
    const change = new Change();
    for (const held of [...slave.leases.values()]) {
      if (named.has(held.task.lease)) {
        continue;
      }
      if (open.has(held.askedBy)) {
        coming += 1;
      } else if (held.isAnswered) {
        this.#cluster.log.warn(
          { ...refOf(held), slave: slave.name },
          'An answer with a lease did not arrive.',
        );
        giveBack(this.#cluster, held, change);
      }
    }
    if (change.steps.length > 0) {
      this.#cluster.commit(change);
    }
    prune(slave.toldCancel, named);
    prune(slave.toldRelease, new Set<number>(request.builds));
    return coming;
  }

  /** Work, or null when the answer is to bring what else there is to say. */
  async #find(slave: SlaveEntry, request: WorkRequest, gone: AbortSignal): Promise<Taken | null> {
    const taken = takeWork(this.#cluster, slave, request);
    if (taken !== null || this.#hasNews(slave, request)) {
      return taken;
    }
    // The next question must come in time to renew the leases.
    const ms = Math.min(request.wait_seconds * 1000, this.#leaseMs / 2);
    const until = this.#cluster.now + ms;
    for (;;) {
      const left = until - this.#cluster.now;
      const woken = left > 0 ? await this.#polls.hold(this.#cluster, slave, request, left, gone) : 'over';
      if (woken === 'over') {
        return null;
      }
      if (woken !== 'news') {
        return woken;
      }
      if (this.#hasNews(slave, request)) {
        return null;
      }
    }
  }

  /** The one asynchronous edge of a hand-out. What has changed meanwhile is looked at again after it. */
  async #assign({ held, committed }: Taken, isAwaited: () => boolean): Promise<Assignment[]> {
    const assignments: { held: Held; assignment: Assignment }[] = [];
    let whole = false;
    try {
      await committed;
      for (const lease of held) {
        assignments.push({ held: lease, assignment: await this.#assignmentOf(lease) });
      }
      whole = isAwaited();
    } finally {
      if (!whole) {
        this.#giveAllBack(held);
      }
    }
    return assignments
      .filter(({ held: lease }) => this.#isHeld(lease))
      .map(({ held: lease, assignment }) => {
        lease.isAnswered = true;
        return assignment;
      });
  }

  async #assignmentOf(held: Held): Promise<Assignment> {
    const { build, subjob, executorIndex } = held;
    const shared = {
      lease: refOf(held),
      build_id: build.id,
      project: build.project,
      remote_files: [...build.remoteFiles],
    };
    if (subjob === null) {
      const { job_name, config, atoms_override } = build.request;
      return {
        kind: 'prepare',
        ...shared,
        job_name: job_name ?? null,
        config: config ?? null,
        atoms_override: atoms_override ?? null,
      };
    }
    const atoms = await atomsOf(this.#cluster, held, subjob);
    if (build.job === null || executorIndex === null) {
      throw new Error(`Build ${build.id} hands out a subjob before it is prepared.`);
    }
    return {
      kind: 'run',
      ...shared,
      subjob_id: subjob,
      job: build.job,
      build_executor_index: executorIndex,
      expected_seconds: build.work.subjob(subjob)?.expected ?? null,
      limits: resultLimits(this.#cluster.resultBounds, build.resultBytes),
      atoms: atoms.map(({ id, variable, value }) => ({ id, variable, value })),
    };
  }

  #answer(slave: SlaveEntry, request: WorkRequest, assignments: Assignment[]): WorkAnswer {
    const cancel = this.#over(request);
    const release = this.#unneeded(slave, request);
    for (const { lease_id } of cancel) {
      slave.toldCancel.add(lease_id);
    }
    for (const build of release) {
      slave.toldRelease.add(build);
      this.#cluster.builds.get(build)?.work.setup.close(slave.id);
    }
    slave.toldDrain = slave.draining;
    return {
      assignments,
      cancel,
      release,
      drain: slave.draining,
    };
  }

  #hasNews(slave: SlaveEntry, request: WorkRequest): boolean {
    return (
      (slave.draining && !slave.toldDrain) ||
      this.#over(request).some(({ lease_id }) => !slave.toldCancel.has(lease_id)) ||
      this.#unneeded(slave, request).some((build) => !slave.toldRelease.has(build))
    );
  }

  /**
   * Leases that the slave names and that are over. One that another slave holds is not: a slave that was restarted
   * still delivers what it held before under its old number.
   */
  #over(request: WorkRequest): LeaseRef[] {
    return request.leases.filter(
      ({ lease_id, attempt }) => this.#cluster.held.get(lease_id)?.task.attempt !== attempt,
    );
  }

  /** Builds that have ended, or have nothing left for a slave that works on nothing of theirs. */
  #unneeded(slave: SlaveEntry, request: WorkRequest): WorkRequest['builds'] {
    return request.builds.filter((id) => {
      const build = this.#cluster.builds.get(id);
      return (
        build === undefined ||
        build.ending !== null ||
        (build.work.state === 'BUILDING' &&
          build.work.queued === 0 &&
          build.work.runningOn(slave.id) === 0 &&
          // What takes too long elsewhere may start here.
          build.work.limits.speculative !== true)
      );
    });
  }

  #giveAllBack(held: readonly Held[]): void {
    const change = new Change();
    for (const lease of held) {
      if (this.#isHeld(lease)) {
        giveBack(this.#cluster, lease, change);
      }
    }
    if (change.steps.length > 0) {
      this.#cluster.commit(change);
    }
  }

  #isHeld(lease: Held): boolean {
    return this.#cluster.held.get(lease.task.lease) === lease;
  }
}

/** What it wants beyond the leases that are on their way to it. */
function lessComing(request: WorkRequest, coming: number): WorkRequest {
  const { free_executors: free, ahead = 0 } = request;
  const forFree = Math.min(free, coming);
  return { ...request, free_executors: free - forFree, ahead: Math.max(0, ahead - (coming - forFree)) };
}

/** Keeps what is still named. */
function prune(told: Set<number>, named: ReadonlySet<number>): void {
  for (const id of told) {
    if (!named.has(id)) {
      told.delete(id);
    }
  }
}
