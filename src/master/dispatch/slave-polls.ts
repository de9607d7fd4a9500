import { deferred } from '../../lib/async/deferred.js';
import { waitWithTimeout } from '../../lib/async/wait-with-timeout.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import type { BuildId, SlaveId } from '../../protocol/ids.js';
import { withPendingAssignments } from '../../protocol/slave/pending-assignments.js';
import type { Assignment, LeaseRef, WorkRequest, WorkResponse } from '../../protocol/slave/slave-messages.js';
import type { TakenWork } from '../leases/lease-lifecycle.js';
import type { ActiveLease } from '../state/active-lease.js';
import type { DispatchListener } from '../state/master-state.js';
import type { RegisteredSlave } from '../state/registered-slave.js';
import { PollSession } from './poll-session.js';

/*
 * The master's side of the poll protocol: which poll requests of slaves are open, and when each gets its response.
 *
 * A slave numbers its poll requests, and always has one open. It sends a newer one when its situation changes (an
 * executor gets free, a lease ends), without waiting for the response to the older one. A request names the leases and
 * builds that the slave has, and the older polls whose responses it still awaits (`open_polls`).
 *
 * A POLL is in one of these states:
 *
 *   arrived ──► held ──► assigning ──► responded
 *      │          │                       ▲
 *      └──────────┴───────────────────────┘
 *
 *   arrived    A poll with a lower number than the newest one of its slave was overtaken: it gets an empty response.
 *              Any other is the CURRENT poll of its slave from now on, and replaces the one before.
 *   held       There is nothing to say. At most one poll of each slave is held: the current one.
 *   assigning  Leases were taken for it. They are committed and described before they are sent.
 *   responded  Only the current poll carries notifications (cancel, interrupt, release, drain). Assignments go with the
 *              poll that they were taken for, if its slave still awaits the response.
 *
 * EVENTS, and what they do:
 *
 *   a poll arrives     Leases that it does not name are returned, unless the response that brings them is still awaited.
 *                      Awaited ones count as named (withPendingAssignments), on both sides.
 *     … and another    The newer poll replaces the held one, which gets its response: the work that the newer one asks
 *     is held          for, if its response is awaited, there is work, and there is nothing to notify; else empty. The
 *                      newer one asks for so much less, and is held itself. So waiting costs a slave one poll only.
 *     … after a        The slave keeps its id and its session here. Its next poll has a higher number and names what it
 *     reconnect        has; everything else follows from that.
 *   work appears       It is divided among held polls, those that wait longest first, once per turn of the event loop.
 *   a build changes    Held polls that name the build, or any lease, are woken; those with something new to notify respond.
 *   the slave drains   Its held poll responds with `drain`.
 *   the slave leaves   It has no current poll any more; its held poll gets an empty response.
 *   time is over       The poll is held for `wait_seconds`, half the time of a lease at most; then it gets an empty
 *                      response. So does the poll of a slave with leases that was not heard for a second or two: that it
 *                      polls again shows that it is still there.
 *   the client is gone A held poll ends. Leases that were taken for it are returned at once.
 *   close              All held polls get empty responses, and none is held again.
 *
 * A LEASE is taken for one poll, and is sent in one response. It is returned when the poll is not awaited any more by the
 * time that the lease is ready, or when a later poll shows that the response was lost. When an older poll brings less than
 * the current one counts on, the current one ends empty, so that the slave asks for the difference.
 *
 * A NOTIFICATION makes a poll respond at once only the first time: a slave that ends processes or runs a teardown names the
 * lease or build for some time after. Until it stops naming it, every response of its current poll repeats the
 * notification. A slave that learned of it in another way (the acknowledgement of a result) is not woken for it.
 */

/** The parts of the master that the polls depend on. */
export interface WorkSource {
  /** The slave whose signed request this is. @throws SLAVE_UNKNOWN, UNAVAILABLE */
  contact(slave: SlaveId, request: WorkRequest): RegisteredSlave;
  /** Records the capacity that a poll reports; `kept` are the builds named that it was not notified to release. */
  record(slave: RegisteredSlave, request: WorkRequest, kept: readonly BuildId[]): void;
  /** Takes leases for what a slave asks for; null when there are none for it. */
  take(slave: RegisteredSlave, wanted: WorkRequest, allowExcluded: boolean): TakenWork | null;
  /** Whether anything could be handed out to any slave. */
  hasWork(): boolean;
  /** Whether some atoms should rather run on another slave than the one on which they failed. */
  hasRetries(): boolean;
  /** Everything that the slave needs to work on the lease. */
  assignmentOf(lease: ActiveLease): Promise<Assignment>;
  /** Milliseconds since the slave was last heard. */
  silenceOf(slave: RegisteredSlave): number;
  /** The leases that the slave holds. */
  leasesOf(slave: RegisteredSlave): Iterable<ActiveLease>;
  isHeld(lease: ActiveLease): boolean;
  /** Ends leases that did not reach their slave; their work is queued again. */
  returnLeases(leases: readonly ActiveLease[]): void;
  statusOf(lease: LeaseRef): 'held' | 'interrupted' | 'over';
  /** Whether the build has nothing left for the slave. */
  isUnneeded(build: BuildId, slave: RegisteredSlave): boolean;
  /** The slave is about to remove what it has of the build. */
  release(build: BuildId, slave: RegisteredSlave): void;
}

/** Why a poll is held no longer: leases were taken for it, there may be something to notify, time is over, or it must end. */
type Wakeup = TakenWork | 'news' | 'time' | 'end';

export interface PollTimes {
  /** The time of a lease. */
  readonly leaseMs: number;
  /** A slave with leases must be heard so often at present. */
  silenceMs(): number;
}

interface HeldPoll {
  readonly slave: RegisteredSlave;
  readonly request: WorkRequest;
  readonly builds: ReadonlySet<BuildId>;
  readonly wake: (why: Wakeup) => void;
}

const nothing: WorkResponse = { assignments: [], cancel: [], release: [], drain: false };

/** All polls of all slaves; see above. */
export class SlavePolls implements DispatchListener {
  readonly #source: WorkSource;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #times: PollTimes;
  readonly #sessions = new WeakMap<RegisteredSlave, PollSession>();
  /** The poll that a lease was taken for; none of leases that the store remembers, whose responses have come or are lost. */
  readonly #takenFor = new WeakMap<ActiveLease, number>();
  /** In order of arrival. */
  readonly #held = new Map<RegisteredSlave, HeldPoll>();
  /** Those that ask for work. On a busy cluster they are few, and only these are looked at when work appears. */
  readonly #hungry = new Map<RegisteredSlave, HeldPoll>();
  #scheduled: NodeJS.Immediate | null = null;
  #isClosed = false;

  constructor(source: WorkSource, clock: Clock, log: Logger, times: PollTimes) {
    this.#source = source;
    this.#clock = clock;
    this.#log = log;
    this.#times = times;
  }

  /** How many polls are held. */
  get numHeld(): number {
    return this.#held.size;
  }

  /** Whether a poll of the slave has no response yet. */
  hasOpenPoll(slave: RegisteredSlave): boolean {
    return this.#sessionOf(slave).open > 0;
  }

  /** Responds to a poll when there is something to say. @throws SLAVE_UNKNOWN, UNAVAILABLE */
  async poll(slaveId: SlaveId, request: WorkRequest, gone: AbortSignal): Promise<WorkResponse> {
    const slave = this.#source.contact(slaveId, request);
    const session = this.#sessionOf(slave);
    if (gone.aborted || request.poll < session.newest) {
      return nothing;
    }
    session.newest = request.poll;
    const kept = request.builds.filter((build) => !session.notified.release.has(build));
    this.#source.record(slave, request, kept);
    const poll = {};
    session.current = poll;
    session.awaited = new Set(request.open_polls);
    session.open += 1;
    try {
      const known = withPendingAssignments(request, this.#inFlight(slave, request).map(pending));
      const wanted = this.#supersede(slave, known);
      const taken = await this.#findWork(slave, wanted, gone);
      const isAwaited = () =>
        !gone.aborted && (session.current === poll || session.awaited.has(request.poll));
      const assignments = taken === null ? [] : await this.#assign(taken, isAwaited);
      if (session.current === poll && !gone.aborted) {
        return this.#respond(slave, request, wanted, assignments);
      }
      if (session.awaited.has(request.poll) && assignments.length < (taken?.leases.length ?? 0)) {
        // The newer poll counts on more than this one brings.
        this.#wake(slave, 'end');
      }
      return { ...nothing, assignments };
    } finally {
      session.open -= 1;
      if (session.current === poll) {
        session.current = null;
      }
    }
  }

  workAppeared(): void {
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = null;
      this.#dispatch();
    });
  }

  buildChanged(build: BuildId): void {
    for (const { slave, builds, request } of [...this.#held.values()]) {
      if (builds.has(build) || request.leases.length > 0) {
        this.#wake(slave, 'news');
      }
    }
  }

  /** The slave is to be drained, or to be notified of something else that concerns itself. */
  slaveChanged(slave: RegisteredSlave): void {
    this.#wake(slave, 'news');
  }

  slaveLeft(slave: RegisteredSlave): void {
    this.#sessionOf(slave).current = null;
    this.#wake(slave, 'end');
  }

  /** The slave knows that the lease is over, although its open poll names it. */
  resultAcknowledged({ slave, id }: ActiveLease): void {
    this.#sessionOf(slave).notified.cancel.add(id);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#scheduled !== null) {
      clearImmediate(this.#scheduled);
    }
    for (const { slave } of [...this.#held.values()]) {
      this.#wake(slave, 'end');
    }
  }

  #sessionOf(slave: RegisteredSlave): PollSession {
    const session = this.#sessions.get(slave) ?? new PollSession();
    this.#sessions.set(slave, session);
    return session;
  }

  /** Returns leases that will not reach the slave. @returns those that may, which it cannot name yet */
  #inFlight(slave: RegisteredSlave, request: WorkRequest): ActiveLease[] {
    const session = this.#sessionOf(slave);
    const named = new Set<number>(request.leases.map(({ lease_id }) => lease_id));
    const inFlight: ActiveLease[] = [];
    const lost: ActiveLease[] = [];
    for (const lease of this.#source.leasesOf(slave)) {
      if (!named.has(lease.id)) {
        const isAwaited = session.awaited.has(this.#takenFor.get(lease) ?? 0);
        (isAwaited ? inFlight : lost).push(lease);
      }
    }
    for (const { id } of lost) {
      this.#log.warn({ lease_id: id, slave: slave.name }, 'A lease did not reach its slave.');
    }
    this.#source.returnLeases(lost);
    session.prune(named, new Set(request.builds));
    return inFlight;
  }

  /**
   * Responds to the poll that is held, if one is, with the work that the newer `request` asks for.
   * @returns the part of `request` that the newer poll still asks for
   */
  #supersede(slave: RegisteredSlave, request: WorkRequest): WorkRequest {
    const older = this.#held.get(slave)?.request.poll;
    const mayAssign =
      older !== undefined && this.#sessionOf(slave).awaited.has(older) && !this.#hasNews(slave, request);
    const taken = mayAssign ? this.#take(slave, { ...request, poll: older }) : null;
    this.#wake(slave, taken ?? 'end');
    return taken === null ? request : withPendingAssignments(request, taken.leases.map(pending));
  }

  /** Resolves with leases, or with null when the response is to have what else there is to say. */
  async #findWork(
    slave: RegisteredSlave,
    request: WorkRequest,
    gone: AbortSignal,
  ): Promise<TakenWork | null> {
    const taken = this.#take(slave, request);
    if (taken !== null || this.#hasNews(slave, request)) {
      return taken;
    }
    // The next poll must come in time to renew the leases.
    const until = this.#clock.monotonic() + Math.min(request.wait_seconds * 1000, this.#times.leaseMs / 2);
    for (;;) {
      const left = Math.min(until - this.#clock.monotonic(), this.#mayBeSilentFor(slave));
      const woken = left > 0 ? await this.#hold(slave, request, left, gone) : 'end';
      if (woken === 'end' || (woken === 'news' && this.#hasNews(slave, request))) {
        return null;
      }
      if (woken !== 'news' && woken !== 'time') {
        return woken;
      }
    }
  }

  /** Milliseconds for which nothing need be heard from the slave. */
  #mayBeSilentFor(slave: RegisteredSlave): number {
    const [lease] = this.#source.leasesOf(slave);
    return lease === undefined
      ? Number.POSITIVE_INFINITY
      : this.#times.silenceMs() - this.#source.silenceOf(slave);
  }

  /** Never rejects. */
  async #hold(slave: RegisteredSlave, request: WorkRequest, ms: number, gone: AbortSignal): Promise<Wakeup> {
    if (this.#isClosed || gone.aborted) {
      return 'end';
    }
    const { promise, resolve } = deferred<void>();
    // Read only after the wait: leases may be taken for the poll in the moment in which its time is over.
    const outcome: { woken: Wakeup } = { woken: 'time' };
    const wake = (why: Wakeup) => {
      outcome.woken = why;
      resolve();
    };
    const held = { slave, request, builds: new Set(request.builds), wake };
    this.#held.set(slave, held);
    if (request.free_executors > 0) {
      this.#hungry.set(slave, held);
    }
    await waitWithTimeout(this.#clock, ms, promise, gone);
    if (this.#held.get(slave) === held) {
      this.#forget(slave);
    }
    return outcome.woken;
  }

  #wake(slave: RegisteredSlave, why: Wakeup): void {
    const held = this.#held.get(slave);
    this.#forget(slave);
    held?.wake(why);
  }

  #forget(slave: RegisteredSlave): void {
    this.#held.delete(slave);
    this.#hungry.delete(slave);
  }

  #dispatch(): void {
    // An atom that runs again goes to another slave if one waits.
    for (const allowExcluded of this.#source.hasRetries() ? [false, true] : [true]) {
      for (const { slave, request } of [...this.#hungry.values()]) {
        if (this.#isClosed || !this.#source.hasWork()) {
          return;
        }
        const taken = this.#take(slave, request, allowExcluded);
        if (taken !== null) {
          this.#wake(slave, taken);
        }
      }
    }
  }

  #take(slave: RegisteredSlave, request: WorkRequest, allowExcluded = true): TakenWork | null {
    const taken = this.#source.take(slave, request, allowExcluded);
    for (const lease of taken?.leases ?? []) {
      this.#takenFor.set(lease, request.poll);
      this.#sessionOf(slave).notified.release.delete(lease.build.id);
    }
    return taken;
  }

  /** The one asynchronous edge of a hand-out: whatever may have changed meanwhile is checked again after it. */
  async #assign({ leases, committed }: TakenWork, isAwaited: () => boolean): Promise<Assignment[]> {
    const assignments: { lease: ActiveLease; assignment: Assignment }[] = [];
    let isComplete = false;
    try {
      await committed;
      for (const lease of leases) {
        assignments.push({ lease, assignment: await this.#source.assignmentOf(lease) });
      }
      isComplete = isAwaited();
    } finally {
      if (!isComplete) {
        this.#source.returnLeases(leases.filter((lease) => this.#source.isHeld(lease)));
      }
    }
    return assignments.filter(({ lease }) => this.#source.isHeld(lease)).map(({ assignment }) => assignment);
  }

  /**
   * `wanted` names more than the `request`: leases that the slave may not know yet. Notifications of these do not count as
   * sent, and are repeated once the slave names them.
   */
  #respond(
    slave: RegisteredSlave,
    request: WorkRequest,
    wanted: WorkRequest,
    assignments: Assignment[],
  ): WorkResponse {
    const { notified } = this.#sessionOf(slave);
    const cancel = this.#withStatus('over', wanted);
    const interrupt = this.#withStatus('interrupted', wanted);
    const release = this.#unneeded(slave, wanted);
    for (const { lease_id } of this.#withStatus('over', request)) {
      notified.cancel.add(lease_id);
    }
    for (const { lease_id } of this.#withStatus('interrupted', request)) {
      notified.interrupt.add(lease_id);
    }
    for (const build of release) {
      if (request.builds.includes(build)) {
        notified.release.add(build);
      }
      this.#source.release(build, slave);
    }
    notified.drain = slave.isDraining;
    return {
      assignments,
      cancel,
      ...(interrupt.length === 0 ? {} : { interrupt }),
      release,
      drain: slave.isDraining,
    };
  }

  #hasNews(slave: RegisteredSlave, request: WorkRequest): boolean {
    const { notified } = this.#sessionOf(slave);
    return (
      (slave.isDraining && !notified.drain) ||
      this.#withStatus('over', request).some(({ lease_id }) => !notified.cancel.has(lease_id)) ||
      this.#withStatus('interrupted', request).some(({ lease_id }) => !notified.interrupt.has(lease_id)) ||
      this.#unneeded(slave, request).some((build) => !notified.release.has(build))
    );
  }

  #withStatus(status: 'interrupted' | 'over', { leases }: WorkRequest): LeaseRef[] {
    return leases.filter((lease) => this.#source.statusOf(lease) === status);
  }

  #unneeded(slave: RegisteredSlave, { builds }: WorkRequest): BuildId[] {
    return builds.filter((build) => this.#source.isUnneeded(build, slave));
  }
}

function pending(lease: ActiveLease): { lease: LeaseRef; build_id: BuildId } {
  return { lease: lease.ref, build_id: lease.build.id };
}
