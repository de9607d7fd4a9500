import type { TaskName } from '../../domain/lease.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { BuildId, SlaveId } from '../../protocol/ids.js';
import type { ReturnedLease } from '../../protocol/slave/slave-messages.js';
import { endIfNobodyIsLeft, recordRefusal } from '../leases/build-refusals.js';
import { commitStop } from '../leases/early-end.js';
import { reportedLease, staleLease } from '../leases/lease-check.js';
import { returnLease } from '../leases/lease-lifecycle.js';
import type { ActiveBuild } from '../state/active-build.js';
import { type MasterState, StateChange } from '../state/master-state.js';
import { recordFailure } from '../state/record-failure.js';

const FAILURES = {
  setup_failed: 'setup_build failed',
  could_not_run: 'the build could not be run',
} as const;

/**
 * Accepts a lease that its slave returns. After a failure the build is not given to the slave again, and ends when that
 * leaves no slave to run it.
 * @throws SLAVE_UNKNOWN, NOT_FOUND, STALE_LEASE
 */
export async function acceptReturnedLease(
  master: MasterState,
  slaveId: SlaveId,
  id: BuildId,
  name: TaskName,
  returned: ReturnedLease,
): Promise<void> {
  const slave = master.slaves.recordContact(slaveId, master.now);
  master.writer.requireWritable();
  const build = master.runningBuild(id);
  if (build === undefined) {
    throw staleLease(returned.lease);
  }
  if (wasReturned(build, name, returned)) {
    return master.writer.flush();
  }
  const lease = reportedLease(master, build, name, returned.lease);
  if (lease === 'accepted') {
    throw new ClusterRunnerError(
      'CONFLICT',
      `The result of lease ${returned.lease.lease_id} was accepted already.`,
    );
  }
  const change = new StateChange();
  // Every executor of a slave may refuse the build: once it is being ended for that, its slaves are not to blame.
  const isBlamed = build.stopping?.state === 'ERROR';
  returnLease(master, lease, change);
  const { reason } = returned;
  if (!isBlamed && (reason === 'setup_failed' || reason === 'could_not_run')) {
    recordFailure(master, slave, { build: id, what: FAILURES[reason] }, change);
    recordRefusal(master, build, slave, returned);
    endIfNobodyIsLeft(master, build, change);
  }
  await commitStop(master, change, [build]);
}

/** The slave repeats itself, before any other slave got the work. */
function wasReturned({ work }: ActiveBuild, name: TaskName, { lease }: ReturnedLease): boolean {
  const task = work.task(name);
  return task?.state === 'queued' && task.lease === lease.lease_id && task.attempts === lease.attempt;
}
