import type { Logger } from '../../lib/logger.js';
import type { Redactor } from '../../lib/text/redactor.js';
import { textEnd } from '../../lib/text/text-ends.js';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';
import type { Assignment, Handback, HandbackReason } from '../../protocol/slave/slave-messages.js';
import type { Session } from './session.js';

/** Of what a command printed, what a handback carries at most. */
export const MAX_OUTPUT_CHARS = 90_000;
const LAST_WORD_SECONDS = 5;

/** Gives leases back to the master without a verdict. */
export class LeaseReturns {
  readonly #session: Session;
  readonly #redactor: Redactor;
  readonly #log: Logger;

  constructor(session: Session, redactor: Redactor, log: Logger) {
    this.#session = session;
    this.#redactor = redactor;
    this.#log = log;
  }

  /** Until it is answered. @throws ClusterRunnerError what the master says against it; the signal's reason */
  async returnLease(
    assignment: Assignment,
    reason: HandbackReason,
    output: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { client } = this.#session;
    const handback: Handback = {
      lease: assignment.lease,
      reason,
      output: textEnd(this.#redactor.inEnd(output), MAX_OUTPUT_CHARS),
    };
    try {
      await this.#session.retryUntilAcknowledged((slave, options) => {
        const { build_id } = assignment;
        return assignment.kind === 'prepare'
          ? client.handBackPreparation(slave, build_id, handback, options)
          : client.handBack(slave, build_id, assignment.subjob_id, handback, options);
      }, signal);
    } catch (error) {
      if (!(error instanceof ClusterRunnerError && error.code === 'STALE_LEASE')) {
        throw error;
      }
      // Two executors that hand back the same failed setup: the first has ended the build for both.
      this.#log.debug({ build: assignment.build_id }, error.message);
    }
  }

  /** The same; that it cannot be done is only logged. Its lease ends by itself then. */
  async tryReturnLease(
    assignment: Assignment,
    reason: HandbackReason,
    output: string,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await this.returnLease(assignment, reason, output, signal);
    } catch (error) {
      if (!signal.aborted) {
        this.#log.warn(`A lease could not be handed back: ${messageOf(error)}`);
      }
    }
  }

  /** Before a stop: a master that is away notices by itself. */
  async returnLeaseBriefly(assignment: Assignment): Promise<void> {
    const signal = AbortSignal.timeout(LAST_WORD_SECONDS * 1000);
    await this.tryReturnLease(assignment, 'stopping', 'The slave is stopping.', signal);
  }
}
