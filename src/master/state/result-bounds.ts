import type { MasterSettings } from '../../config/schema.js';
import type { ResultLimits } from '../../protocol/results/result-limits.js';

/** The settings that say how much results may hold. */
export type ResultBounds = Pick<
  MasterSettings,
  | 'artifactsMaxBytesPerAtom'
  | 'artifactsMaxFilesPerAtom'
  | 'consoleMaxBytesPerAtom'
  | 'maxResultBytes'
  | 'resultsMaxBytesPerBuild'
>;

/** Incompressible files grow a little in an archive, and consoles are in it too. */
const PART_FOR_FILES = 7 / 8;

/** The limits that go to a slave with a subjob. `buildBytes`: of the build's archives so far. */
export function resultLimits(bounds: ResultBounds, buildBytes: number): ResultLimits {
  return {
    artifact_bytes: bounds.artifactsMaxBytesPerAtom,
    artifact_files: bounds.artifactsMaxFilesPerAtom,
    console_bytes: bounds.consoleMaxBytesPerAtom,
    subjob_bytes:
      buildBytes >= bounds.resultsMaxBytesPerBuild ? 0 : Math.floor(bounds.maxResultBytes * PART_FOR_FILES),
  };
}
