import { randomUUID } from 'node:crypto';
import type { CallOptions } from '../../client/call.js';
import { MasterClient } from '../../client/master-client.js';
import { retry } from '../../client/retry.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { version } from '../../lib/version.js';
import { ClusterRunnerError, type ErrorCode, messageOf } from '../../protocol/errors.js';
import type { SlaveId } from '../../protocol/ids.js';
import type { Secrets } from '../../protocol/signing/secrets.js';
import { PROTOCOL } from '../../protocol/slave/protocol-version.js';
import type { Register } from '../../protocol/slave/slave-messages.js';

export interface SessionOptions {
  readonly masterUrl: string;
  readonly secret: string | Secrets;
  /** See MasterClientOptions. */
  readonly ca?: string;
  readonly name: string;
  readonly numExecutors: number;
  /** The URL of the slave's own API; null without one. */
  readonly url: string | null;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** In the place of the session's own client. */
  readonly client?: MasterClient;
}

/** A master that is starting responds within this time. */
const FIRST_CONTACT_MS = 30_000;

/**
 * The master knew this slave, and now refuses its signature or version: somebody is changing the secret, a clock or the
 * program. Results are kept until that is fixed.
 */
const DISTRUST: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'UNAUTHENTICATED',
  'CLOCK_SKEWED',
  'PROTOCOL_MISMATCH',
]);

/** A slave that is updated later or earlier than its master joins by itself. */
const OTHER_VERSION_RETRY_MS = 30_000;

/** The slave's registration with its master, which is repeated whenever the master does not know the slave any more. */
export class Session {
  readonly client: MasterClient;
  readonly #options: SessionOptions;
  readonly instance = randomUUID();
  #id: SlaveId | null = null;
  #registering: Promise<SlaveId> | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.client =
      options.client ??
      new MasterClient({
        url: options.masterUrl,
        secret: options.secret,
        clock: options.clock,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
      });
  }

  /** null before the first registration. */
  get slaveId(): SlaveId | null {
    return this.#id;
  }

  /**
   * Registers for the first time. At a master of another version it waits until one of the two is updated.
   * @throws ClusterRunnerError when the master refuses it; MASTER_UNREACHABLE after FIRST_CONTACT_MS without a response
   */
  async connect(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    for (let isFirst = true; ; isFirst = false) {
      try {
        await retry(() => this.#register(signal), {
          clock,
          random,
          signal,
          giveUpAfterMs: FIRST_CONTACT_MS,
          onRetry: (error) => log.warn(`${error.message} Trying again.`),
        });
        return;
      } catch (error) {
        if (!(error instanceof ClusterRunnerError && error.code === 'PROTOCOL_MISMATCH')) {
          throw error;
        }
        if (isFirst) {
          log.error(`${error.message} This slave tries again every ${OTHER_VERSION_RETRY_MS / 1000} s.`);
        }
        await clock.sleep(OTHER_VERSION_RETRY_MS, signal);
      }
    }
  }

  /**
   * Repeats a call until the master has accepted or refused it: through lost connections, restarts of the master, new
   * registrations, and changes of the secret.
   * @throws ClusterRunnerError when the master refuses the call; the signal's reason
   */
  async retryUntilAcknowledged<T>(
    call: (slave: SlaveId, options: CallOptions) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const { clock, random, log } = this.#options;
    let isReasonLogged = false;
    return retry(() => this.callOnce(call, signal), {
      clock,
      random,
      signal,
      alsoRetry: DISTRUST,
      onRetry: (error, delayMs) => {
        // The master responds and cannot accept it: somebody may have to fix that. MasterLink logs a master that is away.
        const isNew = error.code === 'UNAVAILABLE' && !isReasonLogged;
        isReasonLogged ||= isNew;
        log[isNew ? 'warn' : 'debug']({ delayMs }, error.message);
      },
    });
  }

  /** Makes a call once; when the master does not know the slave, it registers and makes the call once more. */
  async callOnce<T>(
    call: (slave: SlaveId, options: CallOptions) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const id = this.#id ?? (await this.#register(signal));
    try {
      return await call(id, { signal });
    } catch (error) {
      if (!(error instanceof ClusterRunnerError && error.code === 'SLAVE_UNKNOWN')) {
        throw error;
      }
      if (this.#id === id) {
        this.#id = null;
      }
      return call(await this.#register(signal), { signal });
    }
  }

  /** Several calls may find out at the same time that the slave must register. */
  async #register(signal: AbortSignal): Promise<SlaveId> {
    if (this.#id !== null) {
      return this.#id;
    }
    this.#registering ??= this.#registerNow(signal).finally(() => {
      this.#registering = null;
    });
    return this.#registering;
  }

  /**
   * Reports to the master that the process `instance` is dead, so that it ends its leases at once. Never rejects: otherwise
   * the leases expire.
   */
  async reportDead(instance: string, signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    const report = () => this.client.registerSlave({ ...this.#registration, replaces: instance }, { signal });
    await retry(report, { clock, random, signal, giveUpAfterMs: FIRST_CONTACT_MS }).catch(
      (error: unknown) => {
        log.info(`The end of this slave's previous process could not be reported: ${messageOf(error)}`);
      },
    );
  }

  get #registration(): Register {
    const { name, numExecutors, url } = this.#options;
    return { name, instance: this.instance, num_executors: numExecutors, url, version, protocol: PROTOCOL };
  }

  async #registerNow(signal: AbortSignal): Promise<SlaveId> {
    const { log } = this.#options;
    const registered = await this.client
      .registerSlave(this.#registration, { signal })
      .catch((error: unknown) => {
        throw explainOlderMaster(error, this.#options.masterUrl);
      });
    this.#id = registered.slave_id;
    log.info({ slave: registered.slave_id }, `Connected to the master as slave ${registered.slave_id}.`);
    return registered.slave_id;
  }
}

/** A master older than the protocol number refuses a registration that carries one. */
function explainOlderMaster(error: unknown, masterUrl: string): unknown {
  return error instanceof ClusterRunnerError && error.code === 'INVALID_REQUEST'
    ? new ClusterRunnerError(
        'PROTOCOL_MISMATCH',
        `The master at ${masterUrl} does not understand the registration of this slave, which speaks protocol ${PROTOCOL} (version ${version}): it is of an older version; run the same version of ClusterRunner on both. The master said: ${error.message}`,
        { cause: error },
      )
    : error;
}
