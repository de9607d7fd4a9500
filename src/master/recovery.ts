import { BuildWork, type SubjobWork } from '../domain/build-work.js';
import { type Holder, holdersOf, type LeasedTask, type Task } from '../domain/lease.js';
import { RecentFailures } from '../domain/recent-failures.js';
import { ReportedVerdicts } from '../domain/reported-verdicts.js';
import { seconds } from '../lib/clock.js';
import { type BuildId, type LeaseId, toId } from '../protocol/ids.js';
import { archiveBytes } from './archives/archive-files.js';
import { limitsOf, resolved } from './builds/accept-preparation.js';
import { checkRequest } from './builds/build-request.js';
import { endIfOver } from './leases/finish-build.js';
import { loseHeldLease, returnLease } from './leases/lease-lifecycle.js';
import type { ActiveBuild, ActiveLease } from './state/entries.js';
import { type MasterState, StateChange } from './state/master-state.js';
import { slaveEntry } from './state/slave-registry.js';
import { begunAtoms, begunSubjobs, countVerdicts, reportedVerdicts } from './store/atoms.js';
import {
  readJob,
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
import { countsReports } from './views/build-view.js';

/**
 * Fills the memory with what the store has: slaves, and builds that have not ended with the leases that are held.
 * Connected slaves have the time of a lease to be heard again, so that a master that is restarted interrupts no work.
 */
export async function recover(master: MasterState): Promise<void> {
  const { db } = master.store;
  for (const row of await allSlaves(db)) {
    const lastSeen = row.state === 'CONNECTED' ? master.now : row.changed_at;
    master.slaves.add(slaveEntry({ ...row, id: toId.slave(row.id) }, lastSeen));
  }
  const change = new StateChange();
  for (const row of await unfinishedBuilds(db)) {
    const leases = await heldLeases(db, toId.build(row.id));
    const build = await readBuild(master, row, leases);
    const runs = await begunAtoms(db, build.id);
    master.builds.set(build.id, build);
    for (const lease of leases) {
      holdAgain(master, build, lease, runs.get(lease.id) ?? null, change);
    }
    if (row.stopping !== null) {
      // Not before all leases are held again: without any the build would end.
      build.stopping = {
        state: row.stopping_state ?? 'CANCELED',
        sentence: row.stopping,
        until: master.steady + master.endGraceMs,
      };
      build.work.stop();
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
  const job = row.job === null ? null : readJob(row.job);
  const preparing = leases.find(({ subjob_id }) => subjob_id === null);
  const timestamps = readTimestamps(row.timestamps);
  const work = new BuildWork(
    id,
    { state: row.state, timestamps },
    preparationOf(row, preparing),
    request.priority,
  );
  const { done, failed, lost, flaky, retries, timed, seconds: spent } = await countVerdicts(db, id);
  if (job !== null) {
    const subjobs = await subjobsOf(db, id);
    const holders = bySubjob(leases);
    const begun = new Set(await begunSubjobs(db, id));
    work.setSubjobs(
      subjobs.map((subjob) => ({
        ...subjobOf(master, subjob, holders.get(subjob.subjob_id) ?? []),
        isRepeat: begun.has(subjob.subjob_id),
      })),
      limitsOf(job, request),
      { executors: row.planned_executors ?? 1, assumed: row.assumed_seconds },
      { atoms: timed, seconds: spent },
    );
  }
  const reported = await readReported(db, id);
  return {
    id,
    work,
    request,
    project: resolved(project, row.commit_hash),
    revision: row.revision === null ? null : readRevision(row.revision),
    remoteFiles,
    job,
    numAtoms: row.num_atoms,
    atomsDone: done,
    atomsFailed: failed,
    atomsLost: lost,
    atomsFlaky: flaky,
    reported,
    failures: new RecentFailures(failed + (countsReports(job) ? reported.failed : 0)),
    resultFacts: await sumFacts(db, id),
    delivered: await deliveredSubjobs(db, id),
    resultBytes: archiveBytes(master.resultsDirectory, id),
    buildingSince: steadyTimeOf(master, timestamps.BUILDING),
    retriesUsed: retries,
    refusals: new Map(),
    leases: new Set(),
    stopping: null,
    ending: null,
  };
}

async function readReported(db: MasterState['store']['db'], build: BuildId): Promise<ReportedVerdicts> {
  const reported = new ReportedVerdicts();
  for (const { atom, subjob, ...verdict } of await reportedVerdicts(db, build)) {
    reported.note(subjob, atom, verdict);
  }
  return reported;
}

/** A moment that the store remembers, in seconds since the epoch, in the steady time of this process. */
function steadyTimeOf(master: MasterState, moment: number | undefined): number | null {
  return moment === undefined ? null : master.steady - Math.max(0, master.now - moment * 1000);
}

function preparationOf(row: BuildRow, lease: LeaseRow | undefined): Task {
  const { attempt } = row;
  const losses = readLosses(row.losses);
  const last = row.lease_id === null ? null : toId.lease(row.lease_id);
  switch (row.state) {
    case 'PREPARING':
      return leasedTask(lease, `build ${row.id} is prepared`, losses);
    case 'QUEUED':
      return { kind: 'queued', attempt, lease: last, losses };
    default:
      return { kind: 'done', attempt, lease: known(last, `build ${row.id}`), ending: 'delivered', losses };
  }
}

/** Of each the one that its row names, then its duplicate. */
function bySubjob(leases: readonly LeaseRow[]): Map<number, LeaseRow[]> {
  const holders = new Map<number, LeaseRow[]>();
  for (const lease of leases) {
    if (lease.subjob_id !== null) {
      holders.set(lease.subjob_id, [...(holders.get(lease.subjob_id) ?? []), lease]);
    }
  }
  return holders;
}

function subjobOf(master: MasterState, row: SubjobRow, leases: readonly LeaseRow[]): SubjobWork {
  const lease = leases.find(({ id }) => id === row.lease_id);
  const beside = leases.find((other) => other !== lease);
  const task = taskOf(row, lease, beside);
  return {
    atoms: row.num_atoms,
    expected: row.expected_time,
    stdDev: row.expected_deviation ?? 0,
    task,
    executorIndex: task.kind === 'leased' ? (lease?.executor_index ?? null) : null,
    duplicateIndex: beside?.executor_index ?? null,
    // No later than that: it may be taken for a straggler somewhat too soon.
    began: lease === undefined ? null : beganOf(master, lease),
  };
}

function beganOf(master: MasterState, { taken_at: takenAt }: LeaseRow): number | null {
  const steady = steadyTimeOf(master, seconds(takenAt));
  return steady === null ? null : seconds(steady);
}

function taskOf(row: SubjobRow, lease: LeaseRow | undefined, beside: LeaseRow | undefined): Task {
  const { attempt } = row;
  const what = `subjob ${row.subjob_id} of build ${row.build_id}`;
  const losses = readLosses(row.losses);
  const last = row.lease_id === null ? null : toId.lease(row.lease_id);
  switch (row.state) {
    case 'QUEUED':
      return { kind: 'queued', attempt, lease: last, losses };
    case 'LEASED':
      return {
        ...leasedTask(lease, `${what} is leased`, losses),
        taken: attempt,
        duplicate: beside === undefined ? null : holderOf(beside),
      };
    case 'DONE':
      return { kind: 'done', attempt, lease: known(last, what), ending: 'delivered', losses };
    case 'LOST':
      return { kind: 'done', attempt, lease: known(last, what), ending: 'lost', losses };
    case 'CUT':
      throw new Error(`The store says that ${what} was cut off, and that its build has not ended.`);
  }
}

function leasedTask(row: LeaseRow | undefined, what: string, losses: readonly string[]): LeasedTask {
  if (row === undefined) {
    throw new Error(`The store says that ${what}, and holds no lease for it.`);
  }
  return { kind: 'leased', ...holderOf(row), taken: row.attempt, duplicate: null, losses };
}

function holderOf({ id, attempt, slave_id }: LeaseRow): Holder {
  return { attempt, lease: toId.lease(id), slave: toId.slave(slave_id) };
}

function known(lease: LeaseId | null, what: string): LeaseId {
  if (lease === null) {
    throw new Error(`The store says that ${what} is done, and not by which lease.`);
  }
  return lease;
}

function holdAgain(
  master: MasterState,
  build: ActiveBuild,
  row: LeaseRow,
  runs: ActiveLease['runs'],
  change: StateChange,
): void {
  const subjob = row.subjob_id === null ? null : toId.subjob(row.subjob_id);
  const of = subjob === null ? build.work.preparation : build.work.subjob(subjob)?.task;
  const task = of === undefined ? undefined : holdersOf(of).find(({ lease }) => lease === row.id);
  const slave = master.slaves.find(toId.slave(row.slave_id));
  if (of?.kind !== 'leased' || task === undefined || slave === undefined) {
    throw new Error(`The store holds lease ${row.id} of build ${build.id}, which nobody has.`);
  }
  // Whether its answer arrived, the slave shows by naming it or not.
  const held = {
    task,
    build,
    subjob,
    slave,
    executorIndex: row.executor_index,
    token: row.token,
    takenAt: row.taken_at,
    tookAt: steadyTimeOf(master, seconds(row.taken_at)) ?? master.steady,
    // How long that took is known no more.
    setupNeeded: 'nothing' as const,
    isDuplicate: task.attempt !== of.attempt,
    hasBegun: true,
    runs,
    // Whatever the last master was about to say has not arrived, or is named by the slave.
    askedBy: 0,
    isAnswered: true,
    consoleEnds: new Map(),
    atoms: null,
  };
  master.addLease(held);
  if (slave.state === 'GONE' && row.token === '') {
    // Its program is older than this master: that is no fault of the work.
    returnLease(master, held, change);
  } else if (slave.state === 'GONE') {
    loseHeldLease(master, held, change);
  }
}
