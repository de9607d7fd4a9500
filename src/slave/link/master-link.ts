import { backoffDelay } from '../../lib/async/backoff.js';
import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { messageOf } from '../../protocol/errors.js';
import type { BuildId, LeaseId } from '../../protocol/ids.js';
import { withPendingAssignments } from '../../protocol/slave/pending-assignments.js';
import type { Assignment, LeaseRef, WorkRequest, WorkResponse } from '../../protocol/slave/slave-messages.js';
import { ProgressBuffer } from './progress-buffer.js';
import type { Session } from './session.js';

/*
 * The slave's side of the poll protocol (docs/architecture.md, "One poll open"); `master/dispatch` has the other.
 *
 * The link
 *
 *   connected      No poll has failed since the last response. A poll is sent whenever the newest one lacks something,
 *                  unless MAX_OPEN_POLLS are open: then it is sent after the next response.
 *   disconnected   A poll has failed. Running work goes on. No poll is sent until the backoff has passed, however much
 *                  changes meanwhile; the backoff doubles with each failure. Any response to a poll, new or old, makes
 *                  the link connected again.
 *   stopped        Final. Open polls are aborted, and none is sent.
 *
 *   draining       From drain(), or from a response that says so, to the end: polls still renew leases and learn of
 *                  canceled ones, and offer no executor.
 *   drained        Draining, and nothing is left to run or to deliver. `drained` of the target is called, once.
 *
 * A poll: numbered from 1 on; each names the older ones that are open.
 *
 *   open           Sent, without a response. The master holds the newest one until there is something to say.
 *   replaced       Open, and a newer one was sent. The master responds to it at once, with work that the newer one asks
 *                  for if there is any, and holds the newer one. So receiving work costs a single poll.
 *   responded      The slave carries out the response. The newest one is followed by another at once. After an older one
 *                  the newest counts as naming the leases that the response assigned; the master counts in the same way.
 *   failed         The response may have been lost, with assignments in it. The master notices by the next poll, which
 *                  names neither this one as open nor these leases. Progress that it carried goes with the next one.
 *
 * The master may not know the slave (SLAVE_UNKNOWN: its store was replaced, or the slave was away for too long). Then the
 * session repeats the poll after it has registered again; for the link that is one poll.
 *
 * Responses may overtake each other: one that declares a lease over can arrive before the one that assigns it. Such a
 * lease is remembered as stale while older polls are open, and is not started.
 */

/** The capacity of the slave in a poll, apart from the fields that the link itself adds. */
export type Capacity = Omit<WorkRequest, 'instance' | 'wait_seconds' | 'poll' | 'open_polls' | 'progress'>;

/** The slave as the link sees it. */
export interface LinkTarget {
  /** At this moment. Names each lease from its assignment until it is over, returned, or its result is acknowledged. */
  capacity(): Capacity;
  start(assignment: Assignment): void;
  /** The lease is over: its work is dropped. Ignored for an unknown lease, like `interrupt` and `release`. */
  cancel(lease: LeaseRef): void;
  /** The build is being ended: its processes end, and what there is of the lease is delivered or returned. */
  interrupt(lease: LeaseRef): void;
  /** The build does not need this slave any more. */
  release(build: BuildId): void;
  /** Whether nothing is left to run or to deliver. */
  isIdle(): boolean;
  drained(): void;
}

export interface MasterLinkOptions {
  readonly session: Session;
  readonly target: LinkTarget;
  readonly clock: Clock;
  /** In [0, 1), for the jitter of the backoff. */
  readonly random: () => number;
  readonly log: Logger;
}

/** The master may hold a poll for this long; it shortens it so that leases are renewed in time. */
const WAIT_SECONDS = 25;
/**
 * The one that the master holds, and the older one, to which it responds at once. Later changes wait for that response and go
 * with one poll, so a slow master gets no more of them. WorkRequestSchema allows many more.
 */
export const MAX_OPEN_POLLS = 2;
const BACKOFF = { firstMs: 250, maxMs: 15_000 };

/** Keeps a poll open at the master, which also renews the slave's leases. See the states above. */
export class MasterLink {
  /** Goes with the next poll. */
  readonly progress = new ProgressBuffer(() => this.update());
  readonly #options: MasterLinkOptions;
  readonly #stop = new AbortController();
  readonly #requests = new Set<Promise<void>>();
  readonly #openPolls = new Set<number>();
  #newestPoll = 0;
  /** The capacity in the newest poll; null when it is not open any more. */
  #announced: Capacity | null = null;
  /** Leases that were over before they arrived, with the poll whose response said so. */
  readonly #stale = new Map<LeaseId, number>();
  /** Set while the link waits to poll again; aborted when it need not wait any longer. */
  #backoff: AbortController | null = null;
  #failures = 0;
  #isConnected = true;
  #isScheduled = false;
  #isDraining = false;
  #isDrained = false;

  constructor(options: MasterLinkOptions) {
    this.#options = options;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /**
   * To be called whenever the capacity may have changed, and at first to begin. Several changes in one turn of the event
   * loop make one poll; those that the master need not know make none.
   */
  update(): void {
    if (this.#stop.signal.aborted || this.#endDrain() || this.#isScheduled) {
      return;
    }
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#pollUnlessKnown();
    });
  }

  /** Takes no more work; `drained` of the target is called when what there is has been finished and delivered. */
  drain(): void {
    if (!this.#isDraining) {
      this.#isDraining = true;
      this.#options.log.info('Draining: this slave takes no more work, finishes what it has, and leaves.');
      this.update();
    }
  }

  /** Sends no more polls and aborts the open ones. Resolves when no response can arrive any more. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('The slave stops polling.'));
    await Promise.all(this.#requests);
  }

  #endDrain(): boolean {
    const { target, log } = this.#options;
    if (this.#isDraining && !this.#isDrained && target.isIdle()) {
      this.#isDrained = true;
      log.info('Drained: nothing is left to run or to deliver.');
      target.drained();
    }
    return this.#isDrained;
  }

  #capacity(): Capacity {
    const capacity = this.#options.target.capacity();
    return this.#isDraining ? { ...capacity, free_executors: 0, ahead: 0 } : capacity;
  }

  #pollUnlessKnown(): void {
    if (this.#stop.signal.aborted || this.#backoff !== null || this.#openPolls.size >= MAX_OPEN_POLLS) {
      return;
    }
    const capacity = this.#capacity();
    if (this.#announced === null || this.#hasNews(this.#announced, capacity) || this.progress.isDue) {
      this.#poll(capacity);
    }
  }

  #hasNews(announced: Capacity, now: Capacity): boolean {
    return hasNews(announced, now) || (this.#isDraining && offers(announced) > 0);
  }

  #poll(capacity: Capacity): void {
    const { session, log } = this.#options;
    const progress = this.progress.takeAll();
    const request: WorkRequest = {
      ...capacity,
      ...(progress.length === 0 ? {} : { progress }),
      instance: session.instance,
      wait_seconds: WAIT_SECONDS,
      poll: this.#newestPoll + 1,
      open_polls: [...this.#openPolls],
    };
    this.#newestPoll = request.poll;
    this.#openPolls.add(request.poll);
    this.#announced = capacity;
    const sent = this.#send(request)
      .catch((error: unknown) => log.error({ err: error }, 'A response to a poll could not be handled.'))
      .finally(() => this.#requests.delete(sent));
    this.#requests.add(sent);
  }

  async #send(request: WorkRequest): Promise<void> {
    const { session } = this.#options;
    const { signal } = this.#stop;
    let response: WorkResponse;
    try {
      response = await session.callOnce(
        (slave, options) => session.client.askForWork(slave, request, options),
        signal,
      );
    } catch (error) {
      this.#openPolls.delete(request.poll);
      this.progress.restore(request.progress ?? []);
      if (!signal.aborted) {
        this.#noteFailure(error);
      }
      return;
    }
    this.#openPolls.delete(request.poll);
    this.#noteResponse();
    this.#handle(request.poll, response);
  }

  #noteResponse(): void {
    if (!this.#isConnected) {
      this.#options.log.info('Connected to the master again.');
    }
    this.#isConnected = true;
    this.#failures = 0;
    if (this.#backoff !== null) {
      this.#backoff.abort();
      this.#backoff = null;
      // The poll that was to be sent after the backoff is due now.
      this.#announced = null;
    }
  }

  /** Only a poll that is sent after the failure shows the master what a lost response has assigned. */
  #noteFailure(error: unknown): void {
    const { clock, random, log } = this.#options;
    if (this.#isConnected) {
      log.warn(`Lost the master: ${messageOf(error)} Work goes on, and the slave polls again.`);
    }
    this.#isConnected = false;
    if (this.#backoff === null) {
      const backoff = new AbortController();
      this.#backoff = backoff;
      const delay = backoffDelay(this.#failures, BACKOFF, random());
      this.#failures += 1;
      void sleepUnlessAborted(clock, delay, AbortSignal.any([backoff.signal, this.#stop.signal])).then(
        (isOver) => {
          if (isOver) {
            this.#backoff = null;
            this.#announced = null;
            this.update();
          }
        },
      );
    }
  }

  #handle(poll: number, { assignments, cancel, interrupt, release, drain }: WorkResponse): void {
    const { target } = this.#options;
    if (poll === this.#newestPoll) {
      this.#announced = null;
    } else if (this.#announced !== null) {
      this.#announced = withPendingAssignments(this.#announced, assignments);
    }
    for (const lease of cancel) {
      this.#stale.set(lease.lease_id, poll);
      target.cancel(lease);
    }
    for (const lease of interrupt ?? []) {
      target.interrupt(lease);
    }
    for (const build of release) {
      target.release(build);
    }
    for (const assignment of assignments) {
      if (!this.#stale.delete(assignment.lease.lease_id)) {
        target.start(assignment);
      }
    }
    this.#forgetStale();
    if (drain) {
      this.drain();
    }
    this.update();
  }

  /** An assignment of these cannot arrive any more: no poll is open that is older than the response. */
  #forgetStale(): void {
    const oldest = Math.min(...this.#openPolls);
    for (const [lease, poll] of this.#stale) {
      if (poll < oldest) {
        this.#stale.delete(lease);
      }
    }
  }
}

function offers({ free_executors, ahead = 0 }: Capacity): number {
  return free_executors + ahead;
}

/**
 * Whether the newest poll lacks something that the master should know: that the slave takes more work or none any more, or has
 * nothing left of a build. The master learns about individual finished leases from their results.
 */
function hasNews(announced: Capacity, now: Capacity): boolean {
  return (
    now.free_executors > announced.free_executors ||
    (now.ahead ?? 0) > (announced.ahead ?? 0) ||
    now.paused !== announced.paused ||
    now.num_unremovable !== announced.num_unremovable ||
    (now.leases.length === 0 && announced.leases.length > 0) ||
    now.builds.length < announced.builds.length ||
    // The master says of a lease only whether it is over when the slave names it: of one of an earlier process, say.
    now.leases.some(({ lease_id }) => !announced.leases.some((one) => one.lease_id === lease_id)) ||
    now.builds.some((build) => !announced.builds.includes(build))
  );
}
