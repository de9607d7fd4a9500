import { ClusterRunnerError } from '../../protocol/errors.js';
import type { BuildId, SlaveId, SubjobId } from '../../protocol/ids.js';
import type { Handback } from '../../protocol/slave/slave.js';
import { commitStop } from '../builds/early-end.js';
import { endIfNobodyIsLeft, noteRefusal } from '../leases/build-refusals.js';
import { reported, staleLease } from '../leases/lease-check.js';
import { giveBack } from '../leases/lease-lifecycle.js';
import type { BuildEntry } from '../state/entries.js';
import { Change, type Cluster } from '../state/master-state.js';
import { noteTrouble } from '../state/slave-health.js';

const WHAT = {
  setup_failed: 'setup_build failed',
  could_not_run: 'the build could not be run',
} as const;

/**
 * Takes a lease back that its slave gives back. After trouble the build is not given to it
 * again, and ends when that leaves nobody to run it.
 * @throws SLAVE_UNKNOWN, NOT_FOUND, STALE_LEASE
 */
export async function takeBack(
  cluster: Cluster,
  slaveId: SlaveId,
  id: BuildId,
  subjob: SubjobId | null,
  handback: Handback,
): Promise<void> {
  const slave = cluster.slaves.hear(slaveId, cluster.now);
  cluster.journal.requireWhole();
  const build = cluster.builds.get(id);
  if (build === undefined || build.ending !== null) {
    throw staleLease(handback.lease);
  }
  if (wasTakenBack(build, subjob, handback)) {
    return cluster.journal.settled();
  }
  const found = reported(cluster, build, subjob, handback.lease);
  if (found === 'accepted') {
    throw new ClusterRunnerError(
      'CONFLICT',
      `The result of lease ${handback.lease.lease_id} was accepted already.`,
    );
  }
  const change = new Change();
  // Every executor of a slave may refuse it: when the build is ended for that already, its slaves are not to blame.
  const isBlamed = build.stopping?.state === 'ERROR';
  giveBack(cluster, found.held, change);
  const { reason } = handback;
  if (!isBlamed && (reason === 'setup_failed' || reason === 'could_not_run')) {
    noteTrouble(cluster, slave, { build: id, what: WHAT[reason] }, change);
    noteRefusal(cluster, build, slave, handback);
    endIfNobodyIsLeft(cluster, build, change);
  }
  await commitStop(cluster, change, [build]);
}

/** The same word a second time, before anybody else got the work. */
function wasTakenBack(build: BuildEntry, subjob: SubjobId | null, { lease }: Handback): boolean {
  const task = subjob === null ? build.work.preparation : build.work.subjob(subjob)?.task;
  return task?.kind === 'queued' && task.lease === lease.lease_id && task.attempt === lease.attempt;
}
