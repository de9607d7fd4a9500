import { timingSafeEqual } from 'node:crypto';
import { classifyReport, type Task } from '../../domain/lease.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import type { BuildId, SubjobId } from '../../protocol/ids.js';
import type { LeaseRef } from '../../protocol/slave/slave-messages.js';
import type { ActiveBuild, ActiveLease } from '../state/entries.js';
import type { MasterState } from '../state/master-state.js';
import { findBuild } from '../store/builds.js';
import { findSubjob } from '../store/subjobs.js';
import type { BuildRow } from '../store/tables.js';

/** What a report is about: a lease that is held, or one whose report was accepted before. */
export type Reported = { readonly held: ActiveLease } | 'accepted';

/**
 * Finds what a report of a running build is about.
 * @throws NOT_FOUND no such subjob
 * @throws STALE_LEASE
 */
export function reported(
  master: MasterState,
  build: ActiveBuild,
  subjob: SubjobId | null,
  ref: LeaseRef,
): Reported {
  const task = subjob === null ? build.work.preparation : taskOf(build, subjob);
  const verdict = classifyReport(task, ref);
  if (verdict === 'accepted') {
    return 'accepted';
  }
  const held = verdict === 'current' ? master.held.get(ref.lease_id) : undefined;
  if (held !== undefined && !isKnownBy(held, ref)) {
    throw unknownLease(ref);
  }
  if (held === undefined) {
    throw verdict === 'unknown' ? unknownLease(ref) : staleLease(ref);
  }
  return { held };
}

/** Lease ids rise by one: whoever does not know the token as well was not given the lease. */
function isKnownBy({ token }: ActiveLease, ref: LeaseRef): boolean {
  const [mine, theirs] = [Buffer.from(token), Buffer.from(ref.token ?? '')];
  return mine.length > 0 && mine.length === theirs.length && timingSafeEqual(mine, theirs);
}

function taskOf(build: ActiveBuild, subjob: SubjobId): Task {
  const found = build.work.subjob(subjob);
  if (found === undefined) {
    throw noSuchSubjob(build.id, subjob);
  }
  return found.task;
}

/**
 * The same for a build that has left the memory: resolves when the report was accepted before the build ended.
 * @throws NOT_FOUND, STALE_LEASE
 */
export async function requireAcceptedBefore(
  master: MasterState,
  build: BuildId,
  subjob: SubjobId | null,
  ref: LeaseRef,
): Promise<void> {
  const { db } = master.store;
  const row = await findBuild(db, build);
  if (row === undefined) {
    throw new ClusterRunnerError('NOT_FOUND', `There is no build ${build} here; drop its work.`);
  }
  if (subjob === null) {
    if (!names(row, ref) || !preparationWasReported(row)) {
      throw staleLease(ref);
    }
    return;
  }
  const of = await findSubjob(db, build, subjob);
  if (of === undefined) {
    throw noSuchSubjob(build, subjob);
  }
  // The lease that brought the result need not be the last one that was taken.
  if (of.lease_id !== ref.lease_id || of.attempt < ref.attempt || of.state !== 'DONE') {
    throw staleLease(ref);
  }
}

function names(row: BuildRow, ref: LeaseRef): boolean {
  return row.lease_id === ref.lease_id && row.attempt === ref.attempt;
}

function preparationWasReported(row: BuildRow): boolean {
  return row.job !== null || row.state === 'ERROR';
}

export function staleLease({ lease_id, attempt }: LeaseRef): ClusterRunnerError {
  return new ClusterRunnerError(
    'STALE_LEASE',
    `Lease ${lease_id} (attempt ${attempt}) is over: it expired, was given back, or its build has ended; drop its work.`,
  );
}

function unknownLease({ lease_id, attempt }: LeaseRef): ClusterRunnerError {
  return new ClusterRunnerError(
    'STALE_LEASE',
    `Lease ${lease_id} (attempt ${attempt}) was never given for this work; drop it.`,
  );
}

function noSuchSubjob(build: BuildId, subjob: SubjobId): ClusterRunnerError {
  return new ClusterRunnerError('NOT_FOUND', `Build ${build} has no subjob ${subjob}; drop its work.`);
}
