import type { NamedJob } from '../../protocol/build/job.js';
import { takes } from '../../protocol/slave/optional-reports.js';
import type { PrepareAssignment } from '../../protocol/slave/slave-messages.js';

/**
 * The job as the master of the assignment takes it. One that knows no workers would refuse a job with one; without, all slaves
 * run its commands, whose verdicts are the same.
 */
export function reportedJob(job: NamedJob, assignment: Pick<PrepareAssignment, 'takes'>): NamedJob {
  const { worker, recycle_after, ...rest } = job.definition;
  return worker === undefined || takes(assignment, 'workers') ? job : { name: job.name, definition: rest };
}
