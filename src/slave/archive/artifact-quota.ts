import type { ResultLimits } from '../../protocol/results/result-limits.js';

/** A smaller file is packed without looking at the disk: looking costs more than the file. */
const SMALL_BYTES = 64 * 1024;
/** Left free for running atoms and other results while a subjob is packed. */
const RESERVED_BYTES = 64 * 1024 ** 2;

/** Free bytes on the disk of the archive; null when unknown. */
export type FreeBytes = () => number | null;

/** How much the artifacts of a subjob may use. */
export class SubjobQuota {
  readonly limits: ResultLimits;
  readonly #free: FreeBytes;
  /** Bytes that are left for the subjob. */
  left: number;

  constructor(limits: ResultLimits, free: FreeBytes) {
    this.limits = limits;
    this.#free = free;
    this.left = limits.subjob_bytes;
  }

  /** Why the disk has no space for a copy of a file; null when it has. Not every file shrinks when it is compressed. */
  diskProblem(bytes: number): string | null {
    const free = bytes < SMALL_BYTES ? null : this.#free();
    return free === null || bytes <= free - RESERVED_BYTES
      ? null
      : `the disk of the slave has no space to pack it (${mib(Math.max(0, free))} MiB are free)`;
  }
}

/** How much of the subjob's quota one atom may use. */
export class ArtifactQuota {
  readonly #subjob: SubjobQuota;
  #bytes: number;
  #files: number;

  constructor(subjob: SubjobQuota) {
    this.#subjob = subjob;
    this.#bytes = subjob.limits.artifact_bytes;
    this.#files = subjob.limits.artifact_files;
  }

  /** Uses quota for a file, or for a folder or link of 0 bytes. Returns why there is none left, or null. */
  take(bytes: number): string | null {
    if (this.#files === 0) {
      return `there are more than ${this.#subjob.limits.artifact_files} files (artifacts_max_files_per_atom)`;
    }
    if (bytes > this.#bytes) {
      return `the files are larger than ${mib(this.#subjob.limits.artifact_bytes)} MiB together (artifacts_max_mib_per_atom)`;
    }
    if (bytes > this.#subjob.left) {
      return this.#subjob.limits.subjob_bytes === 0
        ? 'the results of the build have no space for more files (results_max_mib_per_build)'
        : `the files of the subjob are larger than ${mib(this.#subjob.limits.subjob_bytes)} MiB together (max_result_gigabytes)`;
    }
    const problem = this.#subjob.diskProblem(bytes);
    if (problem !== null) {
      return problem;
    }
    this.#files -= 1;
    this.#bytes -= bytes;
    this.#subjob.left -= bytes;
    return null;
  }
}

function mib(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2);
}
