import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { MasterClient } from '../../client/master-client.js';
import { replaceFile } from '../../lib/fs/atomic-file.js';
import { readRegularFile } from '../../lib/fs/read-regular-file.js';
import type { Logger } from '../../lib/logger.js';
import { ClusterRunnerError, type ErrorCode, messageOf } from '../../protocol/errors.js';
import { type BuildId, BuildIdSchema, type SubjobId, SubjobIdSchema } from '../../protocol/ids.js';
import { type LeaseRef, type ResultReport, ResultReportSchema } from '../../protocol/slave/slave-messages.js';
import type { Session } from '../link/session.js';

/** A result that waits for the master's word, beside `<lease id>.tar.gz`. */
const PendingResultSchema = Type.Object(
  { build_id: BuildIdSchema, subjob_id: SubjobIdSchema, report: ResultReportSchema },
  { additionalProperties: false },
);

interface PendingResult {
  readonly build_id: BuildId;
  readonly subjob_id: SubjobId;
  readonly report: ResultReport;
}

/** What a result leaves by. */
export interface Delivery {
  readonly client: Pick<MasterClient, 'deliverResult' | 'handBack'>;
  readonly retryUntilAcknowledged: Session['retryUntilAcknowledged'];
}

/** So that one large result does not hold up the small ones behind it, nor a hundred fill the line at once. */
const AT_ONCE = 4;
/** Of an earlier process's results, so many are read at once. */
const PAGE = 1000;
/** A question for work names all results that wait, and what runs; the master takes no more than 20,000 names. */
const MOST_WAITING = 5000;
/** What is wrong with the result itself, now and the next time. */
const OF_THE_RESULT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['INVALID_REQUEST', 'BODY_TOO_LARGE']);
const LETTER = /^(\d+)\.json$/;
const ARCHIVE = /^(\d+)\.tar\.gz$/;

/**
 * Results on their way to the master. They lie on the disk until the master has acknowledged or refused them, also
 * while it is away, and through a restart of the slave.
 */
export class Outbox {
  readonly #directory: string;
  readonly #session: Delivery;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #waiting: PendingResult[] = [];
  readonly #pending = new Map<number, PendingResult>();
  readonly #delivered: () => void;
  /** Leases of letters of an earlier process that are not looked at yet. */
  #left: string[] = [];
  #delivering = 0;
  #empty: (() => void)[] = [];

  /** `delivered` is called when one less is on its way. Aborting `signal` stops delivering; what is left stays. */
  constructor(directory: string, session: Delivery, log: Logger, signal: AbortSignal, delivered: () => void) {
    this.#directory = directory;
    this.#session = session;
    this.#log = log;
    this.#signal = signal;
    this.#delivered = delivered;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** How many results wait on the disk. */
  get size(): number {
    return this.#pending.size + this.#left.length;
  }

  /** Results come faster than the master takes them: no more work should be asked for. */
  get isFull(): boolean {
    return this.#pending.size >= MOST_WAITING;
  }

  /** The leases whose results are on their way; of those of an earlier process, which no lease of this one has, some. */
  leases(): LeaseRef[] {
    return [...this.#pending.values()].map(({ report }) => report.lease);
  }

  /** Where the archive of a lease is to be written before `send`. */
  archivePath({ lease_id }: LeaseRef): string {
    return join(this.#directory, `${lease_id}.tar.gz`);
  }

  /** Takes up what an earlier process left, a page at a time, and drops what it had only begun. */
  resume(): void {
    const entries = readdirSync(this.#directory, { withFileTypes: true });
    // A pipe in the place of an archive would be read for ever.
    const files = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
    for (const { name } of entries) {
      const lease = LETTER.exec(name)?.[1];
      const archiveOf = ARCHIVE.exec(name)?.[1];
      if (!files.has(name)) {
        this.#log.warn(
          `${join(this.#directory, name)} is no file; it is removed, with a result of which it is a part.`,
        );
      }
      if (lease !== undefined && files.has(name) && files.has(`${lease}.tar.gz`)) {
        this.#left.push(lease);
      } else if (archiveOf === undefined || !files.has(name) || !files.has(`${archiveOf}.json`)) {
        rmSync(join(this.#directory, name), { force: true, recursive: true });
      }
    }
    this.#deliverMore();
  }

  /**
   * Sends the result whose archive lies at `archivePath`. From now on it survives this process, unless the disk does not
   * take its report.
   */
  send(build: BuildId, subjob: SubjobId, report: ResultReport): void {
    const pending: PendingResult = { build_id: build, subjob_id: subjob, report };
    this.#note(pending);
    this.#enqueue(pending);
    this.#deliverMore();
  }

  #note(pending: PendingResult): void {
    const { lease_id } = pending.report.lease;
    const path = join(this.#directory, `${lease_id}.json`);
    try {
      replaceFile(path, JSON.stringify(pending));
    } catch (error) {
      this.#log.warn(`The result of lease ${lease_id} is lost if the slave stops now: ${messageOf(error)}`);
    }
  }

  /** Resolves when nothing is on its way. */
  async emptied(): Promise<void> {
    if (this.size > 0) {
      await new Promise<void>((resolve) => this.#empty.push(resolve));
    }
  }

  /** One that a crash of the machine has damaged is dropped: the master has its work done again. */
  #takeUp(lease: string): void {
    const name = `${lease}.json`;
    const pending = this.#read(join(this.#directory, name));
    if (pending === null) {
      rmSync(join(this.#directory, name), { force: true, recursive: true });
      rmSync(join(this.#directory, `${lease}.tar.gz`), { force: true, recursive: true });
      return;
    }
    this.#enqueue(pending);
  }

  #read(path: string): PendingResult | null {
    try {
      const pending = parsePendingResult(readRegularFile(path));
      if (pending === null) {
        this.#log.warn(`${path} is damaged; its result is dropped.`);
      }
      return pending;
    } catch (error) {
      this.#log.warn(`${path} cannot be read (${messageOf(error)}); its result is dropped.`);
      return null;
    }
  }

  #enqueue(pending: PendingResult): void {
    this.#pending.set(pending.report.lease.lease_id, pending);
    this.#waiting.push(pending);
  }

  #deliverMore(): void {
    while (this.#delivering < AT_ONCE && !this.#signal.aborted) {
      if (this.#waiting.length === 0) {
        for (const lease of this.#left.splice(0, PAGE)) {
          this.#takeUp(lease);
        }
      }
      const pending = this.#waiting.shift();
      if (pending === undefined) {
        return;
      }
      this.#delivering += 1;
      this.#deliver(pending)
        .catch((error: unknown) => this.#log.error({ err: error }, 'A result could not be delivered.'))
        .finally(() => {
          this.#delivering -= 1;
          this.#deliverMore();
        });
    }
  }

  async #deliver(pending: PendingResult): Promise<void> {
    const { build_id, subjob_id, report } = pending;
    const archive = this.archivePath(report.lease);
    try {
      await this.#session.retryUntilAcknowledged(
        (slave, options) =>
          this.#session.client.deliverResult(slave, build_id, subjob_id, report, archive, options),
        this.#signal,
      );
    } catch (error) {
      if (this.#signal.aborted) {
        return;
      }
      const about = { build: build_id, subjob: subjob_id };
      if (error instanceof ClusterRunnerError && OF_THE_RESULT.has(error.code)) {
        const output = `The master refused the result: ${error.message}`;
        this.#log.error(about, output);
        await this.#returnLease(pending, output);
      } else if (error instanceof ClusterRunnerError) {
        // The lease is over, or the build is forgotten: nobody wants it any more.
        this.#log.warn(about, `A result was refused: ${error.message}`);
      } else {
        // Kept, its lease would be named to the master as on its way for ever.
        this.#log.error({ ...about, err: error }, `A result is lost: ${messageOf(error)}`);
        await this.#returnLease(pending, `The result is lost on this slave: ${messageOf(error)}`);
      }
    }
    this.#forget(report.lease, archive);
  }

  /** Dropped without a word one that is refused would be made again, and refused again, for ever. */
  async #returnLease({ build_id, subjob_id, report }: PendingResult, output: string): Promise<void> {
    const handback = { lease: report.lease, reason: 'could_not_run', output } as const;
    try {
      await this.#session.retryUntilAcknowledged(
        (slave, options) => this.#session.client.handBack(slave, build_id, subjob_id, handback, options),
        this.#signal,
      );
    } catch (error) {
      this.#log.warn(`A lease could not be handed back: ${messageOf(error)}`);
    }
  }

  #forget({ lease_id }: LeaseRef, archive: string): void {
    rmSync(join(this.#directory, `${lease_id}.json`), { force: true });
    rmSync(archive, { force: true });
    this.#pending.delete(lease_id);
    this.#delivered();
    if (this.size === 0) {
      for (const resolve of this.#empty.splice(0)) {
        resolve();
      }
    }
  }
}

/** null for anything that is not a pending result of this version. */
function parsePendingResult(text: string): PendingResult | null {
  try {
    const pending: unknown = JSON.parse(text);
    return Value.Check(PendingResultSchema, pending) ? pending : null;
  } catch (error) {
    if (error instanceof SyntaxError) {
      return null;
    }
    throw error;
  }
}
