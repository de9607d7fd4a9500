import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { ClusterRunnerError } from '../../protocol/errors.js';

/** With less than this the next commit may fail: it is kept for the database. */
const LEAST_FREE_BYTES = 128 * 1024 ** 2;
const LOOK_EVERY_MS = 1_000;
/** Who was refused something large asks again within this, as long as it is wanted. */
const UNFIT_KEPT_MS = 60_000;
const MIB = 1024 ** 2;

/**
 * Whether there is room where the master keeps its facts. What would need room is refused before there is none: new
 * builds, leases and results wait, and everything goes on by itself when somebody has made room.
 */
export class DiskGuard {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #freeBytes: (directory: string) => number | null;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #problem: string | null = null;
  /** What was refused last for its size. */
  #unfit: { readonly bytes: number; readonly at: number } | null = null;

  constructor(directory: string, clock: Clock, log: Logger, freeBytes: (directory: string) => number | null) {
    this.#directory = directory;
    this.#clock = clock;
    this.#log = log;
    this.#freeBytes = freeBytes;
  }

  /** What is wrong and what to do; null when there is room. */
  get problem(): string | null {
    return this.#look();
  }

  /** @throws UNAVAILABLE when there is too little */
  require(): void {
    const problem = this.#look();
    if (problem !== null) {
      throw new ClusterRunnerError('UNAVAILABLE', problem);
    }
  }

  /** What was refused not long ago, and still would not fit; null when there is no such thing. */
  get unfit(): string | null {
    const unfit = this.#unfit;
    if (unfit === null || this.#clock.monotonic() - unfit.at > UNFIT_KEPT_MS) {
      return null;
    }
    return this.problemFor(unfit.bytes);
  }

  /** Why so many bytes more cannot be written without touching what is kept for the database; null when they can. */
  problemFor(bytes: number): string | null {
    const free = this.#freeBytes(this.#directory);
    return free === null || free - bytes >= LEAST_FREE_BYTES
      ? null
      : `${Math.ceil(bytes / MIB)} MiB more do not fit where the master keeps its results: ${Math.floor(free / MIB)} MiB are free there, and ${LEAST_FREE_BYTES / MIB} MiB stay free for its database; make room, and it goes on.`;
  }

  /** @throws UNAVAILABLE when so many bytes more do not fit */
  requireFor(bytes: number): void {
    const problem = this.problemFor(bytes);
    if (problem !== null) {
      const before = this.unfit;
      this.#unfit = { bytes, at: this.#clock.monotonic() };
      if (before === null) {
        this.#log.error({ directory: this.#directory }, problem);
      }
      throw new ClusterRunnerError('UNAVAILABLE', problem);
    }
  }

  #look(): string | null {
    const now = this.#clock.monotonic();
    if (now - this.#lookedAt < LOOK_EVERY_MS) {
      return this.#problem;
    }
    this.#lookedAt = now;
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
}
