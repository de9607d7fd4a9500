import type { NotCached } from '../../protocol/build/cached-atom.js';
import type { CacheExplanation } from '../../protocol/build/explanation.js';
import type { NamedJob } from '../../protocol/build/job.js';
import { cachedInputs } from '../../protocol/build/job-inputs.js';
import type { BuildId } from '../../protocol/ids.js';
import { reasonsNotCached } from '../store/atoms.js';
import type { Reader } from '../store/engine/engine.js';

/** Completes "they ran, since". */
const why: Readonly<Record<NotCached, string>> = {
  NO_PASS: 'no pass of them is on record',
  INPUTS: 'the files of their inputs have changed since they passed',
  JOB: 'the sections of the job have changed since they passed',
  SURROUNDINGS: 'they passed on another platform, or with other variables or versions in "inputs"',
  TOO_OLD: 'their passes are older than passes_kept_days',
  FAILED: 'they have also failed with the same inputs',
  FLAKY: 'they are flaky, according to the history',
  NO_CACHE: 'the build was requested with --no-cache',
  NO_INPUT: 'their own entries of "inputs" name no file of the commit',
  LINK: 'a link among their inputs leads to no file of the commit',
  UNREADABLE_NAME: 'the name of one of their inputs is not UTF-8',
  TOO_MANY_FILES: 'the commit has too many files',
  FOLDER:
    'the files of a folder may change while they are tested (`clusterrunner build snapshot` tests them as they are now)',
  NO_ORIGIN: 'the repository has no remote, by which its passes could be found again',
  OLD_SLAVE: 'the slave that prepared the build has an older version of ClusterRunner',
};

/** null for a build that is not prepared, or of a job that caches no atoms. */
export async function explainCache(
  db: Reader,
  build: BuildId,
  job: NamedJob | null,
  cached: number,
): Promise<CacheExplanation | null> {
  if (job === null || cachedInputs(job.definition) === null) {
    return null;
  }
  const reasons = await reasonsNotCached(db, build);
  return {
    num_atoms_cached: cached,
    not_cached: reasons.map(({ reason, atoms }) => ({ reason, text: why[reason], num_atoms: atoms })),
  };
}
