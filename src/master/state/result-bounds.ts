import type { ResultLimits } from '../../protocol/results/result-limits.js';

const MIB = 1024 ** 2;

/** How much results may hold. */
export interface ResultBounds {
  readonly artifactBytesPerAtom: number;
  readonly artifactFilesPerAtom: number;
  readonly consoleBytesPerAtom: number;
  /** Of the archive of a subjob; a larger one is refused. */
  readonly archiveBytes: number;
  /** Of the archives of a build, beyond which further ones hold no files of atoms but consoles. */
  readonly bytesPerBuild: number;
}

export const defaultResultBounds: ResultBounds = {
  artifactBytesPerAtom: 10_240 * MIB,
  artifactFilesPerAtom: 1_000_000,
  consoleBytesPerAtom: 1024 * MIB,
  archiveBytes: 65_536 * MIB,
  bytesPerBuild: 102_400 * MIB,
};

/** What cannot be compressed grows a little in an archive, and consoles are in it too. */
const PART_FOR_FILES = 7 / 8;

/** What a slave is told with a subjob of a build whose archives so far have `buildBytes`. */
export function resultLimits(bounds: ResultBounds, buildBytes: number): ResultLimits {
  return {
    artifact_bytes: bounds.artifactBytesPerAtom,
    artifact_files: bounds.artifactFilesPerAtom,
    console_bytes: bounds.consoleBytesPerAtom,
    subjob_bytes: buildBytes >= bounds.bytesPerBuild ? 0 : Math.floor(bounds.archiveBytes * PART_FOR_FILES),
  };
}
