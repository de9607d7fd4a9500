import { backoffDelay } from '../../lib/async/backoff.js';
import { sleepUnlessAborted } from '../../lib/async/sleep-unless-aborted.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { messageOf } from '../../protocol/errors.js';
import { withPendingAssignments } from '../../protocol/slave/open-poll.js';
import type { WorkAnswer, WorkRequest } from '../../protocol/slave/slave-messages.js';
import type { Session } from './session.js';

export type Capacity = Omit<WorkRequest, 'instance' | 'wait_seconds' | 'poll' | 'open_polls' | 'progress'>;

export interface WorkPollerOptions {
  readonly session: Session;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** What this slave has and wants at this moment. */
  standing(): Capacity;
  onAnswer(answer: WorkAnswer): void;
}

/** The master may hold a question for this long; it shortens it so that leases are renewed in time. */
const WAIT_SECONDS = 25;
/** More would be refused; see WorkRequestSchema. The newest one asks again when it ends. */
const MAX_OPEN = 100;
const BACKOFF = { firstMs: 250, maxMs: 15_000 };

/**
 * Keeps one question for work open at the master, which is also how the master knows that the slave lives. When
 * the slave's standing changes a newer question is sent; the master answers the older one, with what the newer one
 * asks for if there is any, and goes on holding the newer. So to be given work costs one question.
 */
export class WorkPoller {
  readonly #options: WorkPollerOptions;
  readonly #stop = new AbortController();
  readonly #asking = new Set<Promise<void>>();
  /** The questions whose answers may still come. */
  readonly #open = new Set<number>();
  #polls = 0;
  /** What the newest question says; null when it is answered. */
  #told: Capacity | null = null;
  #failures = 0;
  #isUnreachable = false;
  #scheduled = false;

  constructor(options: WorkPollerOptions) {
    this.#options = options;
    options.session.progress.onDue = () => this.ask();
  }

  /** Asks, now that something may have changed; several changes at once make one question, those for nothing none. */
  ask(): void {
    if (this.#scheduled || this.#stop.signal.aborted) {
      return;
    }
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#stop.signal.aborted) {
        this.#sendUnlessKnown();
      }
    });
  }

  /** No question is sent any more, and the answers of those that are open are not waited for. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('The slave asks for no more work.'));
    await Promise.all(this.#asking);
  }

  #sendUnlessKnown(): void {
    const { standing: now, session } = this.#options;
    const standing = now();
    const isKnown = this.#told !== null && !hasNews(this.#told, standing) && !session.progress.isDue;
    if (!isKnown && this.#open.size < MAX_OPEN) {
      this.#send(standing);
    }
  }

  #send(standing: Capacity): void {
    this.#polls += 1;
    this.#told = standing;
    const poll = this.#polls;
    const open_polls = [...this.#open];
    this.#open.add(poll);
    const { session } = this.#options;
    const progress = session.progress.take();
    const asking = this.#ask({
      ...standing,
      ...(progress.length === 0 ? {} : { progress }),
      instance: session.instance,
      wait_seconds: WAIT_SECONDS,
      poll,
      open_polls,
    }).finally(() => {
      this.#asking.delete(asking);
    });
    this.#asking.add(asking);
  }

  async #ask(request: WorkRequest): Promise<void> {
    const { session, log } = this.#options;
    const { signal } = this.#stop;
    try {
      const answer = await session.callOnce(
        (slave, options) => session.client.askForWork(slave, request, options),
        signal,
      );
      if (this.#isUnreachable) {
        log.info('The master answers again.');
      }
      this.#isUnreachable = false;
      this.#failures = 0;
      this.#take(request.poll, answer);
    } catch (error) {
      this.#open.delete(request.poll);
      session.progress.restore(request.progress ?? []);
      if (!signal.aborted) {
        await this.#askAgainAfter(error);
      }
    }
  }

  #take(poll: number, answer: WorkAnswer): void {
    this.#open.delete(poll);
    this.#options.onAnswer(answer);
    if (poll === this.#polls) {
      this.#told = null;
      this.ask();
    } else if (this.#told !== null) {
      // The newest question named the older as open, and the master knows what it has given to that.
      this.#told = withPendingAssignments(this.#told, answer.assignments);
    }
  }

  /** What an answer would have brought that did not arrive shows only by a question that was sent after. */
  async #askAgainAfter(error: unknown): Promise<void> {
    const { clock, random, log } = this.#options;
    if (!this.#isUnreachable) {
      log.warn(`${messageOf(error)} Work goes on, and the master is asked again.`);
    }
    this.#isUnreachable = true;
    const newest = this.#polls;
    const delay = backoffDelay(this.#failures, BACKOFF, random());
    this.#failures += 1;
    await sleepUnlessAborted(clock, delay, this.#stop.signal);
    if (this.#polls === newest) {
      this.#told = null;
      this.ask();
    }
  }
}

/**
 * Whether the master should know what the newest question does not say: that there is room for more, or nothing left of
 * a build, or no room any more. That single leases have ended it learns from their results.
 */
function hasNews(told: Capacity, now: Capacity): boolean {
  return (
    now.free_executors > told.free_executors ||
    (now.ahead ?? 0) > (told.ahead ?? 0) ||
    now.paused !== told.paused ||
    now.num_unremovable !== told.num_unremovable ||
    (now.leases.length === 0 && told.leases.length > 0) ||
    now.builds.length < told.builds.length ||
    // Of a process before, say: the master can only tell what it is told of.
    now.leases.some(({ lease_id }) => !told.leases.some((one) => one.lease_id === lease_id)) ||
    now.builds.some((build) => !told.builds.includes(build))
  );
}
