import { ClusterRunnerError } from '../../protocol/errors.js';
import type { BuildId, SlaveId, SubjobId } from '../../protocol/ids.js';
import type { Handback } from '../../protocol/slave/slave-messages.js';
import { commitStop } from '../builds/early-end.js';
import { endIfNobodyIsLeft, noteRefusal } from '../leases/build-refusals.js';
import { reported, staleLease } from '../leases/lease-check.js';
import { returnLease } from '../leases/lease-lifecycle.js';
import type { ActiveBuild } from '../state/entries.js';
import { type MasterState, StateChange } from '../state/master-state.js';
import { recordFailure } from '../state/record-failure.js';

const WHAT = {
  setup_failed: 'setup_build failed',
  could_not_run: 'the build could not be run',
} as const;

/**
 * Takes a lease back that its slave gives back. After trouble the build is not given to it
 * again, and ends when that leaves nobody to run it.
 * @throws SLAVE_UNKNOWN, NOT_FOUND, STALE_LEASE
 */
export async function acceptReturnedLease(
  master: MasterState,
  slaveId: SlaveId,
  id: BuildId,
  subjob: SubjobId | null,
  handback: Handback,
): Promise<void> {
  const slave = master.slaves.hear(slaveId, master.now);
  master.writer.requireWritable();
  const build = master.builds.get(id);
  if (build === undefined || build.ending !== null) {
    throw staleLease(handback.lease);
  }
  if (wasTakenBack(build, subjob, handback)) {
    return master.writer.flush();
  }
  const found = reported(master, build, subjob, handback.lease);
  if (found === 'accepted') {
    throw new ClusterRunnerError(
      'CONFLICT',
      `The result of lease ${handback.lease.lease_id} was accepted already.`,
    );
  }
  const change = new StateChange();
  // Every executor of a slave may refuse it: when the build is ended for that already, its slaves are not to blame.
  const isBlamed = build.stopping?.state === 'ERROR';
  returnLease(master, found.held, change);
  const { reason } = handback;
  if (!isBlamed && (reason === 'setup_failed' || reason === 'could_not_run')) {
    recordFailure(master, slave, { build: id, what: WHAT[reason] }, change);
    noteRefusal(master, build, slave, handback);
    endIfNobodyIsLeft(master, build, change);
  }
  await commitStop(master, change, [build]);
}

/** The same word a second time, before anybody else got the work. */
function wasTakenBack(build: ActiveBuild, subjob: SubjobId | null, { lease }: Handback): boolean {
  const task = subjob === null ? build.work.preparation : build.work.subjob(subjob)?.task;
  return task?.kind === 'queued' && task.lease === lease.lease_id && task.attempt === lease.attempt;
}
