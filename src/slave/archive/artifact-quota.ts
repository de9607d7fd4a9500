import type { ResultLimits } from '../../protocol/results/result-limits.js';

/** Below it a file goes into the archive whatever the disk has: asking costs more than the file. */
const SMALL_BYTES = 64 * 1024;
/** What running atoms, and what is delivered meanwhile, may need while a subjob is packed. */
const SPARED_BYTES = 64 * 1024 ** 2;

/** Says how many bytes the disk of the archive has room for; null when nobody knows. */
export type FreeBytes = () => number | null;

/** What the files of a subjob's atoms may take of its results. */
export class SubjobQuota {
  readonly limits: ResultLimits;
  readonly #free: FreeBytes;
  /** Bytes. */
  left: number;

  constructor(limits: ResultLimits, free: FreeBytes) {
    this.limits = limits;
    this.#free = free;
    this.left = limits.subjob_bytes;
  }

  /** Why the disk does not take a file a second time. Not every file shrinks when it is compressed. */
  diskProblem(bytes: number): string | null {
    const free = bytes < SMALL_BYTES ? null : this.#free();
    return free === null || bytes <= free - SPARED_BYTES
      ? null
      : `the disk of the slave has no room to pack it (${mib(Math.max(0, free))} MiB are free)`;
  }
}

/** What is left of it for one atom. */
export class ArtifactQuota {
  readonly #subjob: SubjobQuota;
  #bytes: number;
  #files: number;

  constructor(subjob: SubjobQuota) {
    this.#subjob = subjob;
    this.#bytes = subjob.limits.artifact_bytes;
    this.#files = subjob.limits.artifact_files;
  }

  /** Takes the room of one file, folder (0 bytes) or link (0 bytes); or says why there is none. */
  take(bytes: number): string | null {
    if (this.#files === 0) {
      return `there are more than ${this.#subjob.limits.artifact_files} files (artifacts_max_files_per_atom)`;
    }
    if (bytes > this.#bytes) {
      return `the files are larger than ${mib(this.#subjob.limits.artifact_bytes)} MiB together (artifacts_max_mib_per_atom)`;
    }
    if (bytes > this.#subjob.left) {
      return this.#subjob.limits.subjob_bytes === 0
        ? 'the results of the build have no room for more files (results_max_mib_per_build)'
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
