import { type Static, Type } from '@sinclair/typebox';
import { AtomIdSchema, BuildIdSchema } from '../ids.js';

/**
 * Why an atom of a job with `cache: true` had to run.
 *
 * NO_PASS: no pass of it is on record. INPUTS: the files of its passes were others. JOB: the sections of the job were others.
 * SURROUNDINGS: the platform, the environment variables or the versions of `inputs` were others. TOO_OLD: its pass is older than
 * `passes_kept_days`. FAILED: it has also failed with the same inputs. FLAKY: it is flaky, according to its history.
 * NO_CACHE: the build was requested so. NO_INPUT: its own entries of `inputs` name no file of the commit. LINK: a link among
 * its inputs leads to no file of the commit. UNREADABLE_NAME: the path of an input is not UTF-8. TOO_MANY_FILES: the commit has
 * too many. FOLDER: the files of a folder may change while they are tested. NO_ORIGIN: the snapshot has no remote, by which its
 * project is known. OLD_SLAVE: the slave that prepared the build knows no cached atoms.
 */
export const notCached = [
  'NO_PASS',
  'INPUTS',
  'JOB',
  'SURROUNDINGS',
  'TOO_OLD',
  'FAILED',
  'FLAKY',
  'NO_CACHE',
  'NO_INPUT',
  'LINK',
  'UNREADABLE_NAME',
  'TOO_MANY_FILES',
  'FOLDER',
  'NO_ORIGIN',
  'OLD_SLAVE',
] as const;
export type NotCached = (typeof notCached)[number];

/** The run of an atom whose pass counts for another one. */
export const CachedFromSchema = Type.Object(
  {
    build_id: BuildIdSchema,
    atom_id: AtomIdSchema,
    is_kept: Type.Boolean({ description: 'Whether that build with its results is still there.' }),
  },
  { additionalProperties: false },
);
export type CachedFrom = Static<typeof CachedFromSchema>;
