import { mkdirSync } from 'node:fs';
import { runBatches } from '../batch/run-batches.js';
import { runSeries } from './run-series.js';
import { type SubjobOutcome, SubjobRecord } from './subjob-record.js';
import type { SubjobRun } from './subjob-run.js';

/**
 * Runs the atoms one after another, or in the batches of the job, those after a failed one too, until `signal` is aborted.
 */
export async function runSubjob(run: SubjobRun): Promise<SubjobOutcome> {
  const record = new SubjobRecord(run);
  for (const { folder } of record.places) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const { batch } = run.assignment.job.definition;
  await (batch === undefined ? runSeries(run, record, record.places) : runBatches(run, record, batch));
  return record.outcome();
}
