import { exonerated } from '../domain/slave-health.js';
import { ClusterRunnerError } from '../protocol/errors.js';
import type { BuildId, SlaveId, SubjobId } from '../protocol/ids.js';
import type { Handback } from '../protocol/slave.js';
import { type BuildEntry, Change, type Cluster, type SlaveEntry } from './cluster.js';
import { endBuild } from './ending.js';
import { noteTrouble } from './health.js';
import { giveBack } from './leases.js';
import { reported, staleLease } from './reports.js';

/** A build that could not be run on so many slaves, and had no result on any, is not tried on the rest of the fleet. */
const MAX_REFUSALS = 5;

const WHAT = {
  setup_failed: 'setup_build failed',
  could_not_run: 'the build could not be run',
} as const;

/**
 * Takes a lease back that its slave gives back. Unless the slave is only stopping, the build is not given to it
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
  giveBack(cluster, found.held, change);
  if (handback.reason !== 'stopping') {
    build.refusedBy.add(slave.name);
    build.work.refusedBy.add(slave.id);
    noteTrouble(cluster, slave, { build: id, what: WHAT[handback.reason] }, change);
    if (nobodyIsLeft(cluster, build)) {
      for (const one of cluster.slaves.all()) {
        one.health = exonerated(one.health, id);
      }
      endBuild(cluster, build, 'ERROR', sentenceOf(build, slave, handback), change);
    }
  }
  await cluster.commit(change);
}

/** The same word a second time, before anybody else got the work. */
function wasTakenBack(build: BuildEntry, subjob: SubjobId | null, { lease }: Handback): boolean {
  const task = subjob === null ? build.work.preparation : build.work.subjob(subjob)?.task;
  return task?.kind === 'queued' && task.lease === lease.lease_id && task.attempt === lease.attempt;
}

function nobodyIsLeft(cluster: Cluster, { work }: BuildEntry): boolean {
  const refused = work.refusedBy;
  return (
    (refused.size >= MAX_REFUSALS && work.done === 0) ||
    [...cluster.slaves.connected()].every(({ id }) => refused.has(id))
  );
}

function sentenceOf(build: BuildEntry, slave: SlaveEntry, { reason, output }: Handback): string {
  const what = reason === 'setup_failed' ? 'setup_build failed' : 'The build could not be run';
  return `${what} on ${[...build.refusedBy].join(', ')}; the last words on ${slave.name}:\n${output}`;
}
