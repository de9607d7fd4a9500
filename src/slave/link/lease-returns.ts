import type { Logger } from '../../lib/logger.js';
import type { Redactor } from '../../lib/text/redactor.js';
import { textEnd } from '../../lib/text/text-ends.js';
import { ClusterRunnerError, messageOf } from '../../protocol/errors.js';
import type { Assignment, ReturnedLease, ReturnReason } from '../../protocol/slave/slave-messages.js';
import type { Session } from './session.js';

/** The limit of a command's output in a returned lease, to which it is cut. */
export const MAX_OUTPUT_CHARS = 90_000;
const BRIEF_SECONDS = 5;

/** Returns leases to the master without a result, so that another slave can start at once. */
export class LeaseReturns {
  readonly #session: Session;
  readonly #redactor: Redactor;
  readonly #log: Logger;

  constructor(session: Session, redactor: Redactor, log: Logger) {
    this.#session = session;
    this.#redactor = redactor;
    this.#log = log;
  }

  /** Retries until acknowledged. @throws ClusterRunnerError when the master refuses it; the signal's reason */
  async returnLease(
    assignment: Assignment,
    reason: ReturnReason,
    output: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { client } = this.#session;
    const returned: ReturnedLease = {
      lease: assignment.lease,
      reason,
      output: textEnd(this.#redactor.inEnd(output), MAX_OUTPUT_CHARS),
    };
    try {
      await this.#session.retryUntilAcknowledged((slave, options) => {
        const { build_id } = assignment;
        return assignment.kind === 'prepare'
          ? client.returnPreparation(slave, build_id, returned, options)
          : client.returnLease(slave, build_id, assignment.subjob_id, returned, options);
      }, signal);
    } catch (error) {
      if (!(error instanceof ClusterRunnerError && error.code === 'STALE_LEASE')) {
        throw error;
      }
      // When two executors return leases for the same failed setup, the first has ended the build for both.
      this.#log.debug({ build: assignment.build_id }, error.message);
    }
  }

  /** Like returnLease, but a failure is only logged: the lease then expires by itself. Never rejects. */
  async tryReturnLease(
    assignment: Assignment,
    reason: ReturnReason,
    output: string,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await this.returnLease(assignment, reason, output, signal);
    } catch (error) {
      if (!signal.aborted) {
        this.#log.warn(`A lease could not be returned: ${messageOf(error)}`);
      }
    }
  }

  /** Tries for a few seconds: a master that is away notices by itself. Never rejects. */
  async returnLeaseBriefly(assignment: Assignment): Promise<void> {
    const signal = AbortSignal.timeout(BRIEF_SECONDS * 1000);
    await this.tryReturnLease(assignment, 'stopping', 'The slave is stopping.', signal);
  }
}
