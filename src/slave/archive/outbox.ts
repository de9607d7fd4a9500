import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { MasterClient } from '../../client/master-client.js';
import { replaceFile } from '../../lib/fs/atomic-file.js';
import { readRegularFile } from '../../lib/fs/read/read-regular-file.js';
import type { Logger } from '../../lib/logger.js';
import { ClusterRunnerError, type ErrorCode, messageOf } from '../../protocol/errors.js';
import { type BuildId, BuildIdSchema, type SubjobId, SubjobIdSchema } from '../../protocol/ids.js';
import { type LeaseRef, type ResultReport, ResultReportSchema } from '../../protocol/slave/slave-messages.js';
import type { Session } from '../link/session.js';

/** A result that the master has not acknowledged, beside its archive `<lease id>.tar.gz`. */
const PendingResultSchema = Type.Object(
  { build_id: BuildIdSchema, subjob_id: SubjobIdSchema, report: ResultReportSchema },
  { additionalProperties: false },
);

interface PendingResult {
  readonly build_id: BuildId;
  readonly subjob_id: SubjobId;
  readonly report: ResultReport;
}

/** The part of a Session that delivers results. */
export interface Delivery {
  readonly client: Pick<MasterClient, 'deliverResult' | 'returnLease'>;
  readonly retryUntilAcknowledged: Session['retryUntilAcknowledged'];
}

/** One large result must not hold up small ones, nor a hundred of them share the connection. */
const MAX_CONCURRENT = 4;
/** How many results of an earlier process are loaded at once. */
const PAGE = 1000;
/** A poll names all pending results, and what runs; the master accepts 20,000 names at most. */
const MAX_PENDING = 5000;
/** Errors of the result itself: it would be refused again. */
const RESULT_ERRORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['INVALID_REQUEST', 'BODY_TOO_LARGE']);
const REPORT = /^(\d+)\.json$/;
const ARCHIVE = /^(\d+)\.tar\.gz$/;

/**
 * Delivers results to the master. They stay on the disk until the master has acknowledged or refused them, also while it is
 * away, and across restarts of the slave.
 */
export class Outbox {
  readonly #directory: string;
  readonly #session: Delivery;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #queue: PendingResult[] = [];
  readonly #pending = new Map<number, PendingResult>();
  readonly #onDelivered: () => void;
  /** Leases of an earlier process's results that are not loaded yet. */
  #unloaded: string[] = [];
  #delivering = 0;
  #onEmpty: (() => void)[] = [];

  /**
   * `onDelivered` is called when a result is not pending any more. Aborting `signal` stops deliveries; the other results
   * stay on the disk.
   */
  constructor(
    directory: string,
    session: Delivery,
    log: Logger,
    signal: AbortSignal,
    onDelivered: () => void,
  ) {
    this.#directory = directory;
    this.#session = session;
    this.#log = log;
    this.#signal = signal;
    this.#onDelivered = onDelivered;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** How many results are pending. */
  get size(): number {
    return this.#pending.size + this.#unloaded.length;
  }

  /** Results arise faster than the master accepts them: the slave should request no more work. */
  get isFull(): boolean {
    return this.#pending.size >= MAX_PENDING;
  }

  /** The leases of pending results that are loaded. */
  leases(): LeaseRef[] {
    return [...this.#pending.values()].map(({ report }) => report.lease);
  }

  /** Where the archive of a lease must be written before `send`. */
  archivePath({ lease_id }: LeaseRef): string {
    return join(this.#directory, `${lease_id}.tar.gz`);
  }

  /** Starts delivering the results of an earlier process, and removes its unfinished ones. */
  resume(): void {
    const entries = readdirSync(this.#directory, { withFileTypes: true });
    // Reading a pipe in the place of an archive would never end.
    const files = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
    for (const { name } of entries) {
      const lease = REPORT.exec(name)?.[1];
      const archiveOf = ARCHIVE.exec(name)?.[1];
      if (!files.has(name)) {
        this.#log.warn(
          `${join(this.#directory, name)} is not a file; it is removed, with the result that it is part of.`,
        );
      }
      if (lease !== undefined && files.has(name) && files.has(`${lease}.tar.gz`)) {
        this.#unloaded.push(lease);
      } else if (archiveOf === undefined || !files.has(name) || !files.has(`${archiveOf}.json`)) {
        rmSync(join(this.#directory, name), { force: true, recursive: true });
      }
    }
    this.#deliverMore();
  }

  /**
   * Delivers the result whose archive is at `archivePath`. From now on it survives this process, unless its report cannot be
   * written.
   */
  send(build: BuildId, subjob: SubjobId, report: ResultReport): void {
    const pending: PendingResult = { build_id: build, subjob_id: subjob, report };
    this.#save(pending);
    this.#enqueue(pending);
    this.#deliverMore();
  }

  #save(pending: PendingResult): void {
    const { lease_id } = pending.report.lease;
    const path = join(this.#directory, `${lease_id}.json`);
    try {
      replaceFile(path, JSON.stringify(pending));
    } catch (error) {
      this.#log.warn(`The result of lease ${lease_id} is lost if the slave stops now: ${messageOf(error)}`);
    }
  }

  /** Resolves when no result is pending. */
  async emptied(): Promise<void> {
    if (this.size > 0) {
      await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
    }
  }

  /** A result that a crash of the machine has damaged is dropped: the master has its work done again. */
  #load(lease: string): void {
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
    this.#queue.push(pending);
  }

  #deliverMore(): void {
    while (this.#delivering < MAX_CONCURRENT && !this.#signal.aborted) {
      if (this.#queue.length === 0) {
        for (const lease of this.#unloaded.splice(0, PAGE)) {
          this.#load(lease);
        }
      }
      const pending = this.#queue.shift();
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
      if (error instanceof ClusterRunnerError && RESULT_ERRORS.has(error.code)) {
        const output = `The master refused the result: ${error.message}`;
        this.#log.error(about, output);
        await this.#returnLease(pending, output);
      } else if (error instanceof ClusterRunnerError) {
        // The lease is over, or the build unknown: nobody needs the result any more.
        this.#log.warn(about, `A result was refused: ${error.message}`);
      } else {
        // The archive cannot be read. Polls would name the lease forever.
        this.#log.error({ ...about, err: error }, `A result is lost: ${messageOf(error)}`);
        await this.#returnLease(pending, `The result is lost on this slave: ${messageOf(error)}`);
      }
    }
    this.#forget(report.lease, archive);
  }

  /** Without this, the work of a refused result would be repeated, and refused, forever. */
  async #returnLease({ build_id, subjob_id, report }: PendingResult, output: string): Promise<void> {
    const returned = { lease: report.lease, reason: 'could_not_run', output } as const;
    try {
      await this.#session.retryUntilAcknowledged(
        (slave, options) => this.#session.client.returnLease(slave, build_id, subjob_id, returned, options),
        this.#signal,
      );
    } catch (error) {
      this.#log.warn(`A lease could not be returned: ${messageOf(error)}`);
    }
  }

  #forget({ lease_id }: LeaseRef, archive: string): void {
    rmSync(join(this.#directory, `${lease_id}.json`), { force: true });
    rmSync(archive, { force: true });
    this.#pending.delete(lease_id);
    this.#onDelivered();
    if (this.size === 0) {
      for (const resolve of this.#onEmpty.splice(0)) {
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
