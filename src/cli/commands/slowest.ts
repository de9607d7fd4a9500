import { cleanLine } from '../../lib/text/strip-control-chars.js';
import { type HistoryOptions, listAtomsOfJob } from '../history/list-atoms.js';

/** `clusterrunner slowest [JOB]`: the atoms of a job that take longest. */
export async function slowest(job: string | undefined, options: HistoryOptions): Promise<void> {
  await listAtomsOfJob(job, options, {
    sort: 'slowest',
    none: ({ name }) => `No run of an atom of ${cleanLine(name)} is kept.`,
  });
}
