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
  /** Of the slave's own API; null without one. */
  readonly url: string | null;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Instead of one of its own. */
  readonly client?: MasterClient;
}

/** A master that is just starting answers within this. */
const FIRST_CONTACT_MS = 30_000;

/**
 * A master that has known this slave and now does not believe it: the secret is being changed, or a clock was. Work that
 * is done is kept until that is mended.
 */
const DISTRUST: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'UNAUTHENTICATED',
  'CLOCK_SKEWED',
  'PROTOCOL_MISMATCH',
]);

/** A fleet that is updated later than its master, or earlier, joins by itself. */
const ASK_OTHER_VERSION_MS = 30_000;

/** The slave's standing with its master: registered once, and again whenever the master has forgotten it. */
export class Session {
  readonly client: MasterClient;
  readonly #options: SessionOptions;
  readonly instance = randomUUID();
  #id: SlaveId | null = null;
  #registering: Promise<SlaveId> | null = null;
  /** Seconds. */
  leaseSeconds = 0;

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
   * The first registration. @throws ClusterRunnerError what the master says against it, or MASTER_UNREACHABLE when
   * there is none within half a minute
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
          log.error(`${error.message} This slave asks again every ${ASK_OTHER_VERSION_MS / 1000} s.`);
        }
        await clock.sleep(ASK_OTHER_VERSION_MS, signal);
      }
    }
  }

  /**
   * Makes a call until it is answered: through breaks of the connection, restarts of the master, registering again,
   * and changes of the secret.
   * @throws ClusterRunnerError what the master answers; the signal's reason
   */
  async retryUntilAcknowledged<T>(
    call: (slave: SlaveId, options: CallOptions) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const { clock, random, log } = this.#options;
    let isToldWhy = false;
    return retry(() => this.callOnce(call, signal), {
      clock,
      random,
      signal,
      alsoRetry: DISTRUST,
      onRetry: (error, delayMs) => {
        // The master answers, and does not take it: somebody may have to mend that. Of a master that is away the work loop tells.
        const isNew = error.code === 'UNAVAILABLE' && !isToldWhy;
        isToldWhy ||= isNew;
        log[isNew ? 'warn' : 'debug']({ delayMs }, error.message);
      },
    });
  }

  /** Makes a call once; a master that does not know the slave is told who it is first. */
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

  /** Many calls may find out at once that they must register. */
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
   * Tells the master that `instance` is dead, so that it need not wait for a word of it. Never rejects: without it the
   * time of its leases ends them.
   */
  async reportDead(instance: string, signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    const tell = () => this.client.registerSlave({ ...this.#facts, replaces: instance }, { signal });
    await retry(tell, { clock, random, signal, giveUpAfterMs: FIRST_CONTACT_MS }).catch((error: unknown) => {
      log.info(`The master was not told that the slave before is dead: ${messageOf(error)}`);
    });
  }

  get #facts(): Register {
    const { name, numExecutors, url } = this.#options;
    return { name, instance: this.instance, num_executors: numExecutors, url, version, protocol: PROTOCOL };
  }

  async #registerNow(signal: AbortSignal): Promise<SlaveId> {
    const { log } = this.#options;
    const answer = await this.client.registerSlave(this.#facts, { signal }).catch((error: unknown) => {
      throw unlessOlderMaster(error, this.#options.masterUrl);
    });
    this.#id = answer.slave_id;
    this.leaseSeconds = answer.lease_seconds;
    log.info({ slave: answer.slave_id }, `Connected to the master as slave ${answer.slave_id}.`);
    return answer.slave_id;
  }
}

/** A master from before the number of the protocol refuses a registration that has one. */
function unlessOlderMaster(error: unknown, masterUrl: string): unknown {
  return error instanceof ClusterRunnerError && error.code === 'INVALID_REQUEST'
    ? new ClusterRunnerError(
        'PROTOCOL_MISMATCH',
        `The master at ${masterUrl} does not know the registration of this slave, which speaks protocol ${PROTOCOL} (version ${version}): it is of an older version; run the same version of ClusterRunner on both. The master said: ${error.message}`,
        { cause: error },
      )
    : error;
}
