import type { BuildId, SlaveId } from '../../protocol/ids.js';
import { withPendingAssignments } from '../../protocol/slave/open-poll.js';
import type { Assignment, LeaseRef, WorkAnswer, WorkRequest } from '../../protocol/slave/slave-messages.js';
import { givenAtoms } from '../builds/build-request.js';
import { atomsOf, refOf, returnLease, takeWork } from '../leases/lease-lifecycle.js';
import type { ActiveLease, RegisteredSlave } from '../state/entries.js';
import { type MasterState, StateChange } from '../state/master-state.js';
import { resultLimits } from '../state/result-bounds.js';
import type { LongPolls, TakenWork } from './long-polls.js';
import { noteProgress } from './progress-reports.js';

const nothing: WorkAnswer = { assignments: [], cancel: [], release: [], drain: false };

/** Answers the slaves' questions for work. */
export class WorkRequests {
  readonly #master: MasterState;
  readonly #polls: LongPolls;
  readonly #leaseMs: number;

  constructor(master: MasterState, polls: LongPolls, leaseMs: number) {
    this.#master = master;
    this.#polls = polls;
    this.#leaseMs = leaseMs;
  }

  /** @throws SLAVE_UNKNOWN, UNAVAILABLE */
  async ask(slaveId: SlaveId, request: WorkRequest, gone: AbortSignal): Promise<WorkAnswer> {
    const master = this.#master;
    master.writer.requireWritable();
    const slave = master.slaves.hear(slaveId, master.now, request.instance);
    if (gone.aborted || request.poll < slave.lastPoll) {
      // Overtaken on its way by a newer question, which says what is true.
      return nothing;
    }
    slave.lastPoll = request.poll;
    slave.paused = request.paused ?? null;
    slave.freeDiskBytes = request.free_disk_bytes ?? null;
    slave.numUnremovable = request.num_unremovable ?? 0;
    for (const build of request.builds) {
      if (!slave.toldRelease.has(build)) {
        master.builds.get(build)?.work.setup.keep(slave.id);
      }
    }
    noteProgress(master, slave, request.progress ?? []);
    const poll = {};
    slave.poll = poll;
    slave.openPolls = new Set(request.open_polls);
    try {
      const known = withPendingAssignments(request, this.#coming(slave, request).map(broughtBy));
      const asked = this.#supersede(slave, known);
      const taken = await this.#find(slave, asked, gone);
      const isAwaited = () => !gone.aborted && (slave.poll === poll || slave.openPolls.has(request.poll));
      const assignments = taken === null ? [] : await this.#assign(taken, isAwaited);
      if (slave.poll === poll && !gone.aborted) {
        return this.#answer(slave, request, asked, assignments);
      }
      if (slave.openPolls.has(request.poll) && assignments.length < (taken?.held.length ?? 0)) {
        // The newer question was reckoned to want so much less.
        this.#polls.release(slave, 'over');
      }
      return { ...nothing, assignments };
    } finally {
      if (slave.poll === poll) {
        slave.poll = null;
      }
    }
  }

  /**
   * A slave has one question open: a newer one makes the older one answer, with what the newer asks for if there is work
   * for it, and is held itself. Were it answered, it would need another one to take its place. Answers what the newer
   * one still asks for.
   *
   * When there is something to tell, the newer one is answered with all of it, and the older with nothing.
   */
  #supersede(slave: RegisteredSlave, request: WorkRequest): WorkRequest {
    const older = this.#polls.heldOf(slave);
    const isAwaited = older !== null && slave.openPolls.has(older);
    const taken =
      isAwaited && !this.#hasNews(slave, request)
        ? takeWork(this.#master, slave, { ...request, poll: older })
        : null;
    this.#polls.release(slave, taken ?? 'over');
    return taken === null ? request : withPendingAssignments(request, taken.held.map(broughtBy));
  }

  /**
   * What the slave does not name was in an answer that never arrived: its work goes back to the queue. Unless that
   * answer may still be on its way: then it is answered.
   */
  #coming(slave: RegisteredSlave, request: WorkRequest): ActiveLease[] {
    const named = new Set<number>(request.leases.map(({ lease_id }) => lease_id));
    const unnamed = [...slave.leases.values()].filter(({ task }) => !named.has(task.lease));
    const coming = unnamed.filter(({ askedBy }) => slave.openPolls.has(askedBy));
    const change = new StateChange();
    for (const held of unnamed) {
      if (held.isAnswered && !slave.openPolls.has(held.askedBy)) {
        this.#master.log.warn(
          { lease_id: held.task.lease, slave: slave.name },
          'An answer with a lease did not arrive.',
        );
        returnLease(this.#master, held, change);
      }
    }
    if (change.writes.length > 0) {
      this.#master.commit(change);
    }
    prune(slave.toldCancel, named);
    prune(slave.toldInterrupt, named);
    prune(slave.toldRelease, new Set<number>(request.builds));
    return coming;
  }

  /** Work, or null when the answer is to bring what else there is to say. */
  async #find(slave: RegisteredSlave, request: WorkRequest, gone: AbortSignal): Promise<TakenWork | null> {
    const taken = takeWork(this.#master, slave, request);
    if (taken !== null || this.#hasNews(slave, request)) {
      return taken;
    }
    // The next question must come in time to renew the leases.
    const ms = Math.min(request.wait_seconds * 1000, this.#leaseMs / 2);
    const until = this.#master.steady + ms;
    for (;;) {
      const left = until - this.#master.steady;
      const woken = left > 0 ? await this.#polls.hold(this.#master, slave, request, left, gone) : 'over';
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
  async #assign({ held, committed }: TakenWork, isAwaited: () => boolean): Promise<Assignment[]> {
    const assignments: { held: ActiveLease; assignment: Assignment }[] = [];
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

  async #assignmentOf(held: ActiveLease): Promise<Assignment> {
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
        atoms_override: atoms_override === undefined ? null : givenAtoms(atoms_override),
      };
    }
    const atoms = await atomsOf(this.#master, held, subjob);
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
      limits: resultLimits(this.#master.resultBounds, build.resultBytes),
      atoms: atoms.map(({ id, variable, value }) => ({ id, variable, value })),
    };
  }

  /** `asked` names more than the `request`, which the slave may not know yet: that it is told again when it names it. */
  #answer(
    slave: RegisteredSlave,
    request: WorkRequest,
    asked: WorkRequest,
    assignments: Assignment[],
  ): WorkAnswer {
    const cancel = this.#over(asked);
    const release = this.#unneeded(slave, asked);
    for (const { lease_id } of this.#over(request)) {
      slave.toldCancel.add(lease_id);
    }
    const interrupt = this.#stopping(asked);
    for (const { lease_id } of this.#stopping(request)) {
      slave.toldInterrupt.add(lease_id);
    }
    for (const build of release) {
      if (request.builds.includes(build)) {
        slave.toldRelease.add(build);
      }
      this.#master.builds.get(build)?.work.setup.close(slave.id);
    }
    slave.toldDrain = slave.draining;
    return {
      assignments,
      cancel,
      ...(interrupt.length === 0 ? {} : { interrupt }),
      release,
      drain: slave.draining,
    };
  }

  #hasNews(slave: RegisteredSlave, request: WorkRequest): boolean {
    return (
      (slave.draining && !slave.toldDrain) ||
      this.#over(request).some(({ lease_id }) => !slave.toldCancel.has(lease_id)) ||
      this.#stopping(request).some(({ lease_id }) => !slave.toldInterrupt.has(lease_id)) ||
      this.#unneeded(slave, request).some((build) => !slave.toldRelease.has(build))
    );
  }

  /**
   * Leases that the slave names and that are over. One that another slave holds is not: a slave that was restarted
   * still delivers what it held before under its old number.
   */
  #over(request: WorkRequest): LeaseRef[] {
    return request.leases.filter(
      ({ lease_id, attempt }) => this.#master.held.get(lease_id)?.task.attempt !== attempt,
    );
  }

  /** Leases that the slave names and whose build is being ended early. */
  #stopping(request: WorkRequest): LeaseRef[] {
    return request.leases.filter(({ lease_id, attempt }) => {
      const held = this.#master.held.get(lease_id);
      return held?.task.attempt === attempt && held.build.stopping !== null;
    });
  }

  /** Builds that have ended, or have nothing left for a slave that works on nothing of theirs. */
  #unneeded(slave: RegisteredSlave, request: WorkRequest): WorkRequest['builds'] {
    return request.builds.filter((id) => {
      const build = this.#master.builds.get(id);
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

  #giveAllBack(held: readonly ActiveLease[]): void {
    const change = new StateChange();
    for (const lease of held) {
      if (this.#isHeld(lease)) {
        returnLease(this.#master, lease, change);
      }
    }
    if (change.writes.length > 0) {
      this.#master.commit(change);
    }
  }

  #isHeld(lease: ActiveLease): boolean {
    return this.#master.held.get(lease.task.lease) === lease;
  }
}

function broughtBy(held: ActiveLease): { lease: LeaseRef; build_id: BuildId } {
  return { lease: refOf(held), build_id: held.build.id };
}

/** Keeps what is still named. */
function prune(told: Set<number>, named: ReadonlySet<number>): void {
  for (const id of told) {
    if (!named.has(id)) {
      told.delete(id);
    }
  }
}
