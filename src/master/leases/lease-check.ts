import { classifyReport, type TaskName } from '../../domain/lease.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { BuildId } from '../../protocol/ids.js';
import type { LeaseRef } from '../../protocol/slave/slave-messages.js';
import type { ActiveBuild } from '../state/active-build.js';
import type { ActiveLease, SubjobLease } from '../state/active-lease.js';
import type { MasterState } from '../state/master-state.js';
import { findBuild } from '../store/builds.js';
import { findSubjob } from '../store/subjobs.js';
import type { BuildRow } from '../store/tables.js';

/**
 * Finds the lease that a report of a running build is about; 'accepted' when the report was accepted before.
 * @throws NOT_FOUND no such subjob
 * @throws STALE_LEASE
 */
export function reportedLease(
  master: MasterState,
  build: ActiveBuild,
  name: TaskName,
  ref: LeaseRef,
): ActiveLease | 'accepted' {
  const task = build.work.task(name);
  if (task === undefined) {
    throw noSuchTask(build.id, name);
  }
  const verdict = classifyReport(task, ref);
  if (verdict === 'accepted') {
    return 'accepted';
  }
  const lease = verdict === 'current' ? master.leases.find(ref.lease_id) : undefined;
  if (lease === undefined) {
    throw verdict === 'unknown' ? unknownLease(ref) : staleLease(ref);
  }
  if (!lease.hasToken(ref.token)) {
    throw unknownLease(ref);
  }
  return lease;
}

/** The same for a report of a subjob. */
export function reportedSubjobLease(
  master: MasterState,
  build: ActiveBuild,
  name: Extract<TaskName, { kind: 'subjob' }>,
  ref: LeaseRef,
): SubjobLease | 'accepted' {
  const lease = reportedLease(master, build, name, ref);
  if (lease !== 'accepted' && lease.kind !== 'subjob') {
    throw new Error(`Lease ${ref.lease_id} is held for a preparation, and as one of subjob ${name.subjob}.`);
  }
  return lease;
}

/**
 * The same for a build whose end is decided: resolves when the end is committed and the report was accepted before it.
 * @throws NOT_FOUND, STALE_LEASE
 */
export async function requireAcceptedBefore(
  master: MasterState,
  build: BuildId,
  name: TaskName,
  ref: LeaseRef,
): Promise<void> {
  await master.builds.get(build)?.ending;
  const { db } = master.store;
  const row = await findBuild(db, build);
  if (row === undefined) {
    throw new ClusterRunnerError('NOT_FOUND', `There is no build ${build} here; drop its work.`);
  }
  if (name.kind === 'preparation') {
    // The lease that delivered it need not be the last one that was taken.
    if (row.lease_id !== ref.lease_id || row.attempt < ref.attempt || !wasPrepared(row)) {
      throw staleLease(ref);
    }
    return;
  }
  const subjob = await findSubjob(db, build, name.subjob);
  if (subjob === undefined) {
    throw noSuchTask(build, name);
  }
  if (subjob.lease_id !== ref.lease_id || subjob.attempt < ref.attempt || subjob.state !== 'DONE') {
    throw staleLease(ref);
  }
}

function wasPrepared(row: BuildRow): boolean {
  return row.job !== null || row.state === 'ERROR';
}

export function staleLease({ lease_id, attempt }: LeaseRef): ClusterRunnerError {
  return new ClusterRunnerError(
    'STALE_LEASE',
    `Lease ${lease_id} (attempt ${attempt}) is over: it expired, was returned, or its build has ended; drop its work.`,
  );
}

function unknownLease({ lease_id, attempt }: LeaseRef): ClusterRunnerError {
  return new ClusterRunnerError(
    'STALE_LEASE',
    `Lease ${lease_id} (attempt ${attempt}) was never given for this work; drop it.`,
  );
}

function noSuchTask(build: BuildId, name: TaskName): ClusterRunnerError {
  const task = name.kind === 'subjob' ? `subjob ${name.subjob}` : name.kind;
  return new ClusterRunnerError('NOT_FOUND', `Build ${build} has no ${task}; drop its work.`);
}
