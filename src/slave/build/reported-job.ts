import { atomsFileLine } from '../../job/atoms-file-line.js';
import type { JobDefinition, NamedJob } from '../../protocol/build/job.js';
import { withoutCachedAtoms } from '../../protocol/build/job-inputs.js';
import { takes } from '../../protocol/slave/optional-reports.js';
import type { PrepareAssignment } from '../../protocol/slave/slave-messages.js';

/**
 * The job as the master of the assignment takes it: an older one would refuse sections that it does not know. Without workers
 * and batches all slaves run its commands for one atom at a time, with the same verdicts. The commands of a job with batches begin
 * with atomsFileLine, since slaves of other versions and scripts for people run them too.
 */
export function reportedJob(
  { name, definition }: NamedJob,
  assignment: Pick<PrepareAssignment, 'takes'>,
): NamedJob {
  const known = takes(assignment, 'inputs') ? definition : withoutCachedAtoms(definition);
  const { worker, recycle_after, batch, order, affects, ...rest } = known;
  return {
    name,
    definition: {
      ...rest,
      ...(batch === undefined ? {} : { commands: withAtomsFile(definition) }),
      ...(worker === undefined || !takes(assignment, 'workers') ? {} : { worker }),
      ...(recycle_after === undefined || !takes(assignment, 'workers') ? {} : { recycle_after }),
      ...(batch === undefined || !takes(assignment, 'batches') ? {} : { batch }),
      ...(order === undefined || !takes(assignment, 'changes') ? {} : { order }),
      ...(affects === undefined || !takes(assignment, 'changes') ? {} : { affects }),
    },
  };
}

/** A definition that was reported before has the line already. */
function withAtomsFile(definition: JobDefinition): JobDefinition['commands'] {
  const line = atomsFileLine(definition);
  const { commands } = definition;
  return commands[0] === line ? commands : [line, ...commands];
}
