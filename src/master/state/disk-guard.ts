import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { ClusterRunnerError } from '../../protocol/errors.js';

/** Kept free for the database, whose next commit may fail with less. */
const LEAST_FREE_BYTES = 128 * 1024 ** 2;
const CHECK_EVERY_MS = 1_000;
/** A client whose large file was refused asks again within this time, as long as it wants to. */
const REFUSAL_KEPT_MS = 60_000;
const MIB = 1024 ** 2;

/**
 * Refuses what needs space before the disk with the store and the results is full. New builds, leases and results wait
 * then, and go on by themselves when somebody has freed space.
 */
export class DiskGuard {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #freeBytes: (directory: string) => number | null;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #problem: string | null = null;
  #lastRefusal: { readonly bytes: number; readonly at: number } | null = null;

  /** @param freeBytes null when unknown */
  constructor(directory: string, clock: Clock, log: Logger, freeBytes: (directory: string) => number | null) {
    this.#directory = directory;
    this.#clock = clock;
    this.#log = log;
    this.#freeBytes = freeBytes;
  }

  /** Why nothing more should be written, and what to do; null when there is space. */
  get problem(): string | null {
    const now = this.#clock.monotonic();
    if (now - this.#checkedAt < CHECK_EVERY_MS) {
      return this.#problem;
    }
    this.#checkedAt = now;
    const free = this.#freeBytes(this.#directory);
    const before = this.#problem;
    this.#problem =
      free === null || free >= LEAST_FREE_BYTES
        ? null
        : `Only ${Math.floor(free / MIB)} MiB are free where the master keeps its results; make room there, at least ${LEAST_FREE_BYTES / MIB} MiB, and it goes on.`;
    if (this.#problem !== null && before === null) {
      this.#log.error({ directory: this.#directory }, this.#problem);
    } else if (this.#problem === null && before !== null) {
      this.#log.info('There is room on the disk again.');
    }
    return this.#problem;
  }

  /** Why the last large file was refused, if that was not long ago and it still does not fit; null otherwise. */
  get recentRefusal(): string | null {
    const refusal = this.#lastRefusal;
    if (refusal === null || this.#clock.monotonic() - refusal.at > REFUSAL_KEPT_MS) {
      return null;
    }
    return this.problemFor(refusal.bytes);
  }

  /** Why so many bytes more do not fit beside what is kept free for the database; null when they do. */
  problemFor(bytes: number): string | null {
    const free = this.#freeBytes(this.#directory);
    return free === null || free - bytes >= LEAST_FREE_BYTES
      ? null
      : `${Math.ceil(bytes / MIB)} MiB more do not fit where the master keeps its results: ${Math.floor(free / MIB)} MiB are free there, and ${LEAST_FREE_BYTES / MIB} MiB stay free for its database; make room, and it goes on.`;
  }

  /** @throws UNAVAILABLE when there is too little space */
  requireSpace(): void {
    const { problem } = this;
    if (problem !== null) {
      throw new ClusterRunnerError('UNAVAILABLE', problem);
    }
  }

  /** @throws UNAVAILABLE when so many bytes more do not fit */
  requireSpaceFor(bytes: number): void {
    const problem = this.problemFor(bytes);
    if (problem !== null) {
      const before = this.recentRefusal;
      this.#lastRefusal = { bytes, at: this.#clock.monotonic() };
      if (before === null) {
        this.#log.error({ directory: this.#directory }, problem);
      }
      throw new ClusterRunnerError('UNAVAILABLE', problem);
    }
  }
}
