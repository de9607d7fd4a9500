import type { ResultLimits } from '../../protocol/result-limits.js';

/** What the files of a subjob's atoms may take of its results. */
export class SubjobRoom {
  readonly limits: ResultLimits;
  /** Bytes. */
  left: number;

  constructor(limits: ResultLimits) {
    this.limits = limits;
    this.left = limits.subjob_bytes;
  }
}

/** What is left of it for one atom. */
export class ArtifactRoom {
  readonly #subjob: SubjobRoom;
  #bytes: number;
  #files: number;

  constructor(subjob: SubjobRoom) {
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
    this.#files -= 1;
    this.#bytes -= bytes;
    this.#subjob.left -= bytes;
    return null;
  }
}

function mib(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2);
}
