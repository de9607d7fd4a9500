import { cleanLine } from '../../lib/text/strip-control-chars.js';
import { RUNS_KEPT } from '../../protocol/build/history.js';
import { type HistoryOptions, listAtomsOfJob } from '../history/list-atoms.js';

/** `clusterrunner flaky [JOB]`: the atoms of a job that fail although their code is good, those that do so most first. */
export async function flaky(job: string | undefined, options: HistoryOptions): Promise<void> {
  await listAtomsOfJob(job, options, {
    sort: 'flaky',
    none: ({ name }) => `No atom of ${cleanLine(name)} is flaky in its newest ${RUNS_KEPT} runs.`,
  });
}
