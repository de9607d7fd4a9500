import { backoffDelay } from '../lib/backoff.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { messageOf } from '../protocol/errors.js';
import type { WorkAnswer, WorkRequest } from '../protocol/slave.js';
import type { Session } from './session.js';

export type Standing = Omit<WorkRequest, 'instance' | 'wait_seconds' | 'poll' | 'open_polls'>;

export interface WorkLoopOptions {
  readonly session: Session;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** What this slave has and wants at this moment. */
  standing(): Standing;
  onAnswer(answer: WorkAnswer): void;
}

/** The master may hold a question for this long; it shortens it so that leases are renewed in time. */
const WAIT_SECONDS = 25;
/** More would be refused; see WorkRequestSchema. The newest one asks again when it ends. */
const MAX_OPEN = 100;
const BACKOFF = { firstMs: 250, maxMs: 15_000 };

/**
 * Keeps one question for work open at the master, which is also how the master knows that the slave lives. When
 * the slave's standing changes a newer question is sent; the master answers the older one, and its answer counts
 * too: whatever it brings was handed out.
 */
export class WorkLoop {
  readonly #options: WorkLoopOptions;
  readonly #stop = new AbortController();
  readonly #open = new Map<number, Promise<void>>();
  #polls = 0;
  /** What the newest question says. */
  #told: Standing | null = null;
  #failures = 0;
  #isUnreachable = false;
  #scheduled = false;

  constructor(options: WorkLoopOptions) {
    this.#options = options;
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
    await Promise.all(this.#open.values());
  }

  #sendUnlessKnown(): void {
    const standing = this.#options.standing();
    const isKnown = this.#open.has(this.#polls) && this.#told !== null && !hasNews(this.#told, standing);
    if (!isKnown && this.#open.size < MAX_OPEN) {
      this.#send(standing);
    }
  }

  #send(standing: Standing): void {
    this.#polls += 1;
    this.#told = standing;
    const poll = this.#polls;
    const open_polls = [...this.#open.keys()];
    const asked = this.#ask({
      ...standing,
      instance: this.#options.session.instance,
      wait_seconds: WAIT_SECONDS,
      poll,
      open_polls,
    }).finally(() => {
      this.#open.delete(poll);
    });
    this.#open.set(poll, asked);
  }

  async #ask(request: WorkRequest): Promise<void> {
    const { session, clock, random, log, onAnswer } = this.#options;
    const { signal } = this.#stop;
    try {
      const answer = await session.once(
        (slave, options) => session.client.askForWork(slave, request, options),
        signal,
      );
      if (this.#isUnreachable) {
        log.info('The master answers again.');
      }
      this.#isUnreachable = false;
      this.#failures = 0;
      onAnswer(answer);
    } catch (error) {
      if (signal.aborted) {
        return;
      }
      if (!this.#isUnreachable) {
        log.warn(`${messageOf(error)} Work goes on, and the master is asked again.`);
      }
      this.#isUnreachable = true;
      const delay = backoffDelay(this.#failures, BACKOFF, random());
      this.#failures += 1;
      await clock.sleep(delay, signal).catch(() => undefined);
    }
    // A newer question is open already when this one was superseded.
    if (request.poll === this.#polls) {
      this.ask();
    }
  }
}

/**
 * Whether the master should know what the newest question does not say: that there is room for more, or nothing left of
 * a build, or no room any more. That single leases have ended it learns from their results.
 */
function hasNews(told: Standing, now: Standing): boolean {
  return (
    now.free_executors > told.free_executors ||
    (now.ahead ?? 0) > (told.ahead ?? 0) ||
    now.paused !== told.paused ||
    (now.leases.length === 0 && told.leases.length > 0) ||
    now.builds.length < told.builds.length ||
    // Brought by an older question: the master can only tell what it is told of.
    now.leases.some(({ lease_id }) => !told.leases.some((one) => one.lease_id === lease_id)) ||
    now.builds.some((build) => !told.builds.includes(build))
  );
}
