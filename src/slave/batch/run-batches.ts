import { ATOMS_FILE } from '../../job/command-environment.js';
import type { BatchDefinition } from '../../protocol/build/job.js';
import { runSeries } from '../build/run-series.js';
import type { SubjobRecord } from '../build/subjob-record.js';
import type { SubjobRun } from '../build/subjob-run.js';
import { writeAtomsFile } from './atoms-file.js';
import { BatchRun } from './batch-run.js';
import { batchesOf } from './batches-of.js';

/**
 * Runs the atoms of a subjob in batches. Atoms that their batch leaves undecided run again by themselves, once: then the exit code
 * is the verdict, as for every batch of one atom.
 */
export async function runBatches(
  run: SubjobRun,
  record: SubjobRecord,
  { size, match }: BatchDefinition,
): Promise<void> {
  for (const places of batchesOf(record.places, size)) {
    if (run.signal.aborted) {
      return;
    }
    const alone = places.length === 1 ? places : await new BatchRun(run, record, places, match).undecided();
    if (alone === null) {
      return;
    }
    if (alone.length > 0) {
      await runSeries(run, record, alone, (place) => ({
        [ATOMS_FILE]: writeAtomsFile(run, [place], String(place.atom.id)),
      }));
    }
  }
}
