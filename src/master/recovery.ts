import { BuildWork, type SubjobWork } from '../domain/build-work.js';
import type { DoneTask, Holder, LeasedTask, Task, TaskName } from '../domain/lease.js';
import { RecentFailures } from '../domain/recent-failures.js';
import { ReportedVerdicts } from '../domain/reported-verdicts.js';
import { checkRequest } from '../job/build-request.js';
import { seconds } from '../lib/clock.js';
import { type BuildId, type LeaseId, toId } from '../protocol/ids.js';
import { archiveBytes } from './archives/archive-files.js';
import { limitsOf, resolved } from './builds/accept-preparation.js';
import { countsReports } from './leases/failure-feed.js';
import { endIfOver } from './leases/finish-build.js';
import { loseLease, returnLease } from './leases/lease-lifecycle.js';
import { ActiveBuild } from './state/active-build.js';
import { PreparationLease, SubjobLease } from './state/active-lease.js';
import { type MasterState, StateChange } from './state/master-state.js';
import { begunAtoms, begunSubjobs, countVerdicts, reportedVerdicts } from './store/atoms.js';
import {
  readAffected,
  readAffectedAtoms,
  readJobColumn,
  readLosses,
  readRequest,
  readRevision,
  readTimestamps,
  unfinishedBuilds,
} from './store/builds.js';
import { sumFacts } from './store/facts-column.js';
import { heldLeases } from './store/leases.js';
import { allSlaves } from './store/slaves.js';
import { deliveredSubjobs, subjobsOf } from './store/subjobs.js';
import type { BuildRow, LeaseRow, SubjobRow } from './store/tables.js';

/**
 * Fills the memory from the store: slaves, and unfinished builds with the leases that are held. Connected slaves have the
 * time of a lease to be heard again, so a restart of the master interrupts no work.
 */
export async function recover(master: MasterState): Promise<void> {
  const { db } = master.store;
  for (const row of await allSlaves(db)) {
    const lastSeen = row.state === 'CONNECTED' ? master.now : row.changed_at;
    master.slaves.add({ ...row, id: toId.slave(row.id) }, lastSeen);
  }
  const change = new StateChange();
  for (const row of await unfinishedBuilds(db)) {
    const leases = await heldLeases(db, toId.build(row.id));
    const build = await readBuild(master, row, leases);
    const running = await begunAtoms(db, build.id);
    master.addBuild(build);
    for (const lease of leases) {
      recoverLease(master, build, lease, running.get(lease.id) ?? null, change);
    }
    if (row.stopping !== null) {
      // Only after all leases are held again: without any the build would end.
      const end = { state: row.stopping_state ?? 'CANCELED', message: row.stopping } as const;
      build.stop(end, master.steady + master.endGraceMs);
    }
    endIfOver(master, build, change);
  }
  if (change.writes.length > 0) {
    await master.commit(change);
  }
}

async function readBuild(
  master: MasterState,
  row: BuildRow,
  leases: readonly LeaseRow[],
): Promise<ActiveBuild> {
  const { db } = master.store;
  const id = toId.build(row.id);
  const request = readRequest(row.request);
  const { project, remoteFiles } = checkRequest(request);
  const job = row.job === null ? null : readJobColumn(row.job);
  const timestamps = readTimestamps(row.timestamps);
  const work = new BuildWork(
    id,
    { state: row.state, timestamps },
    preparationOf(
      row,
      leases.filter(({ subjob_id }) => subjob_id === null),
    ),
    request.priority,
  );
  const { timed, seconds: spent, ...counts } = await countVerdicts(db, id);
  if (job !== null) {
    const subjobs = await subjobsOf(db, id);
    const begun = new Set(await begunSubjobs(db, id));
    const bySubjob = leasesBySubjob(leases);
    work.setSubjobs(
      subjobs.map((subjob) => ({
        ...subjobOf(master, subjob, bySubjob.get(subjob.subjob_id) ?? []),
        isRepeat: begun.has(subjob.subjob_id),
      })),
      limitsOf(job, request),
      { executors: row.planned_executors ?? 1, assumed: row.assumed_seconds },
      { atoms: timed, seconds: spent },
    );
  }
  const reported = await readReported(db, id);
  return new ActiveBuild(
    { id, work, request, project, remoteFiles },
    {
      prepared: {
        project: resolved(project, row.commit_hash),
        revision: row.revision === null ? null : readRevision(row.revision),
        job,
        numAtoms: row.num_atoms,
        affected: row.affected === null ? null : readAffected(row.affected),
        affectedAtoms: new Set(row.affected_atoms === null ? [] : readAffectedAtoms(row.affected_atoms)),
        buildingSince: monotonicTimeOf(master, timestamps.BUILDING),
        surroundings: row.surroundings,
      },
      results: {
        counts,
        facts: await sumFacts(db, id),
        bytes: archiveBytes(master.resultsDirectory, id),
        delivered: await deliveredSubjobs(db, id),
      },
      reported,
      failures: new RecentFailures(counts.failed + (countsReports(job) ? reported.failed : 0)),
    },
  );
}

async function readReported(db: MasterState['store']['db'], build: BuildId): Promise<ReportedVerdicts> {
  const reported = new ReportedVerdicts();
  for (const { atom, subjob, ...verdict } of await reportedVerdicts(db, build)) {
    reported.note(subjob, atom, verdict);
  }
  return reported;
}

/** Converts seconds since the epoch, as the store has them, to milliseconds of this process's monotonic clock. */
function monotonicTimeOf(master: MasterState, moment: number | undefined): number | null {
  return moment === undefined ? null : master.steady - Math.max(0, master.now - moment * 1000);
}

function leasesBySubjob(leases: readonly LeaseRow[]): Map<number, LeaseRow[]> {
  const bySubjob = new Map<number, LeaseRow[]>();
  for (const lease of leases) {
    if (lease.subjob_id !== null) {
      bySubjob.set(lease.subjob_id, [...(bySubjob.get(lease.subjob_id) ?? []), lease]);
    }
  }
  return bySubjob;
}

function subjobOf(master: MasterState, row: SubjobRow, leases: readonly LeaseRow[]): SubjobWork {
  const held = leases.map((lease) => holderOf(lease, beganAt(master, lease)));
  return {
    atoms: row.num_atoms,
    expected: row.expected_time,
    stdDev: row.expected_deviation ?? 0,
    task: subjobTaskOf(row, held),
  };
}

/** No atom began before the lease was taken, so the subjob may be taken for a straggler somewhat too soon. */
function beganAt(master: MasterState, { taken_at: takenAt }: LeaseRow): number | null {
  const at = monotonicTimeOf(master, seconds(takenAt));
  return at === null ? null : seconds(at);
}

function holderOf({ id, attempt, slave_id, executor_index }: LeaseRow, began: number | null = null): Holder {
  return {
    attempt,
    lease: toId.lease(id),
    slave: toId.slave(slave_id),
    executorIndex: executor_index,
    beganAt: began,
  };
}

function preparationOf(row: BuildRow, leases: readonly LeaseRow[]): Task {
  const what = `the preparation of build ${row.id}`;
  const facts = factsOf('preparation', row);
  switch (row.state) {
    case 'PREPARING':
      return leasedTask(
        facts,
        leases[0]?.id ?? null,
        leases.map((lease) => holderOf(lease)),
        what,
      );
    case 'QUEUED':
      return { ...facts, state: 'queued', lease: lastLease(row), holders: [] };
    default:
      return doneTask(facts, row, 'delivered', what);
  }
}

function subjobTaskOf(row: SubjobRow, holders: readonly Holder[]): Task {
  const what = `subjob ${row.subjob_id} of build ${row.build_id}`;
  const facts = factsOf('subjob', row);
  switch (row.state) {
    case 'QUEUED':
      return { ...facts, state: 'queued', lease: lastLease(row), holders: [] };
    case 'LEASED':
      return leasedTask(facts, row.lease_id, holders, what);
    case 'DONE':
      return doneTask(facts, row, 'delivered', what);
    case 'LOST':
      return doneTask(facts, row, 'lost', what);
    case 'CACHED':
      return doneTask(facts, row, 'cached', what);
    case 'CUT':
      throw new Error(`The store says that ${what} was cut off, and that its build has not ended.`);
  }
}

type TaskRow = Pick<BuildRow, 'attempt' | 'losses' | 'lease_id'>;
type TaskFacts = Pick<Task, 'kind' | 'attempts' | 'losses'>;

function factsOf(kind: TaskName['kind'], { attempt, losses }: TaskRow): TaskFacts {
  return { kind, attempts: attempt, losses: readLosses(losses) };
}

function lastLease({ lease_id }: TaskRow): LeaseId | null {
  return lease_id === null ? null : toId.lease(lease_id);
}

/** `first` is the lease that the row names; a duplicate is not named. */
function leasedTask(
  facts: TaskFacts,
  first: number | null,
  holders: readonly Holder[],
  what: string,
): LeasedTask {
  const holder = holders.find(({ lease }) => lease === first);
  if (holder === undefined) {
    throw new Error(`The store says that ${what} is leased, and holds no lease for it.`);
  }
  const duplicates = holders.filter((other) => other !== holder);
  return { ...facts, state: 'leased', holders: [holder, ...duplicates] };
}

function doneTask(facts: TaskFacts, row: TaskRow, ending: DoneTask['ending'], what: string): Task {
  const lease = lastLease(row);
  if (lease === null) {
    throw new Error(`The store says that ${what} is done, and not by which lease.`);
  }
  return { ...facts, state: 'done', lease, ending, holders: [] };
}

function recoverLease(
  master: MasterState,
  build: ActiveBuild,
  row: LeaseRow,
  running: SubjobLease['running'],
  change: StateChange,
): void {
  const slave = master.slaves.find(toId.slave(row.slave_id));
  if (slave === undefined) {
    throw nobodyHas(row);
  }
  const facts = {
    id: toId.lease(row.id),
    attempt: row.attempt,
    build,
    slave,
    token: row.token,
    takenAt: row.taken_at,
    tookAt: monotonicTimeOf(master, seconds(row.taken_at)) ?? master.steady,
    hasBegun: true,
  };
  const lease = row.subjob_id === null ? new PreparationLease(facts) : subjobLease(facts, row, running);
  if (build.work.task(lease)?.holders.every((holder) => holder.lease !== lease.id) !== false) {
    throw nobodyHas(row);
  }
  master.leases.add(lease);
  if (slave.state === 'GONE' && row.token === '') {
    // Its program is older than this master: the work is not to blame.
    returnLease(master, lease, change);
  } else if (slave.state === 'GONE') {
    loseLease(master, lease, change);
  }
}

function subjobLease(
  facts: ConstructorParameters<typeof SubjobLease>[0],
  { id, subjob_id, executor_index }: LeaseRow,
  running: SubjobLease['running'],
): SubjobLease {
  const name = { kind: 'subjob', subjob: toId.subjob(subjob_id ?? 0) } as const;
  const [first] = facts.build.work.task(name)?.holders ?? [];
  const isDuplicate = first?.lease !== id;
  // How long its setup took is not known any more.
  const subjob = {
    ...name,
    executorIndex: executor_index ?? 0,
    setupNeeded: 'nothing',
    isDuplicate,
  } as const;
  return new SubjobLease(facts, subjob, running);
}

function nobodyHas({ id, build_id }: LeaseRow): Error {
  return new Error(`The store holds lease ${id} of build ${build_id}, which nobody has.`);
}
