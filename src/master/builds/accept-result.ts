import type { ReportedVerdict } from '../../domain/reported-verdicts.js';
import { atomsToRetry, retryBudget } from '../../domain/retries.js';
import { type DurationEstimate, noEstimate } from '../../domain/scheduling/duration-estimate.js';
import { projectKey } from '../../job/build-request.js';
import { KeyedMutex } from '../../lib/async/keyed-mutex.js';
import { removeFile } from '../../lib/fs/remove-file.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { type AtomId, atomFolder, type BuildId, type SlaveId, type SubjobId } from '../../protocol/ids.js';
import { COMMAND_FILE } from '../../protocol/results/archive-names.js';
import type { LeaseRef, ResultReport } from '../../protocol/slave/slave-messages.js';
import { ArchiveKeeper, archivePath } from '../archives/archive-files.js';
import { rerunScriptsOf } from '../archives/rerun-scripts.js';
import type { LiveConsoles } from '../consoles/live.js';
import type { SlavePolls } from '../dispatch/slave-polls.js';
import { countsReports, noteFailure } from '../leases/failure-feed.js';
import { endIfOver } from '../leases/finish-build.js';
import { reportedSubjobLease, requireAcceptedBefore, staleLease } from '../leases/lease-check.js';
import { atomsOf, eventFacts, noteBegan, otherHolders, taskRow, timesOf } from '../leases/lease-lifecycle.js';
import type { WaitingRegrouper } from '../leases/regroup-waiting.js';
import type { ActiveBuild } from '../state/active-build.js';
import type { SubjobLease } from '../state/active-lease.js';
import type { AddedFile, ReceivedResult } from '../state/master-api.js';
import { type MasterState, StateChange } from '../state/master-state.js';
import { type LeasedAtom, moveAtoms, recordInterrupted, recordVerdicts, retryAtoms } from '../store/atoms.js';
import { updateBuild } from '../store/builds.js';
import type { Write } from '../store/engine/write.js';
import { appendEvent } from '../store/events.js';
import { endLease } from '../store/leases.js';
import { recordFailures } from '../store/stored-failures.js';
import { endSubjobLease, insertSubjobs } from '../store/subjobs.js';
import { keepFailedRuns } from '../store/timeline-rows.js';
import { learnTimings } from '../store/timings.js';
import { writesOfRuns } from './cached-atoms.js';
import { failuresOf } from './failure-of.js';

/** Atoms that run again: in a subjob of its own each, with the estimate that was made for it. */
interface Retry {
  readonly id: AtomId;
  readonly subjob: SubjobId;
  readonly estimate: DurationEstimate;
}

/** Atoms that a slave left unfinished, in a new subjob. */
interface Rest {
  readonly subjob: SubjobId;
  readonly atoms: readonly AtomId[];
}

type Verdicts = readonly { readonly id: AtomId; readonly verdict: ReportedVerdict }[];

/** Accepts the results of subjobs. */
export class ResultReports {
  readonly #master: MasterState;
  readonly #polls: SlavePolls;
  readonly #consoles: LiveConsoles;
  readonly #regrouper: WaitingRegrouper;
  readonly #archives = new ArchiveKeeper();
  /** Two deliveries of one subjob must not replace each other's archive. */
  readonly #turns = new KeyedMutex();

  constructor(master: MasterState, polls: SlavePolls, consoles: LiveConsoles, regrouper: WaitingRegrouper) {
    this.#master = master;
    this.#polls = polls;
    this.#consoles = consoles;
    this.#regrouper = regrouper;
  }

  /**
   * Refuses a result before its archive is read. A build that has left the memory is not checked: `accept` asks the store.
   * @throws SLAVE_UNKNOWN, NOT_FOUND, STALE_LEASE, UNAVAILABLE
   */
  check(slave: SlaveId, id: BuildId, subjob: SubjobId, ref: LeaseRef): void {
    const master = this.#master;
    master.slaves.recordContact(slave, master.now);
    master.writer.requireWritable();
    master.disk.requireSpace();
    const build = master.runningBuild(id);
    if (build !== undefined) {
      reportedSubjobLease(master, build, { kind: 'subjob', subjob }, ref);
    }
  }

  /** @throws SLAVE_UNKNOWN, NOT_FOUND, STALE_LEASE, INVALID_REQUEST, UNAVAILABLE */
  async accept(
    slave: SlaveId,
    id: BuildId,
    subjob: SubjobId,
    report: ResultReport,
    archive: ReceivedResult,
  ): Promise<void> {
    const { slaves, now } = this.#master;
    slaves.recordContact(slave, now);
    await this.#turns.run(`${id}/${subjob}`, () => this.#accept(id, subjob, report, archive));
  }

  async #accept(
    id: BuildId,
    subjob: SubjobId,
    report: ResultReport,
    { temporaryPath, bytes, addedMembers, entryListPath }: ReceivedResult,
  ): Promise<void> {
    const master = this.#master;
    const before = await this.#findLease(id, subjob, report.lease);
    if (before === 'accepted') {
      await removeFile(temporaryPath);
      return;
    }
    const atoms = await atomsOf(master, before);
    requireSame(
      atoms.map((atom) => atom.id),
      report,
    );
    // If the lease ends meanwhile, the archive there belongs to nothing, and the next result replaces it.
    const path = archivePath(master.resultsDirectory, id, subjob);
    await this.#archives.keep(temporaryPath, entryListPath, path);
    const build = master.runningBuild(id);
    if (build === undefined) {
      throw staleLease(report.lease);
    }
    const lease = reportedSubjobLease(master, build, { kind: 'subjob', subjob }, report.lease);
    if (lease === 'accepted') {
      throw new Error(`The result of subjob ${subjob} of build ${id} was accepted out of turn.`);
    }
    master.writer.requireWritable();
    // Their consoles are not in this archive: they had printed them before, on a slave that was lost.
    const standing = standingVerdicts(build, subjob, report);
    const { members, consoles } = report.index;
    const index = { members: [...members, ...addedMembers], consoles };
    const change = this.#complete(lease, { ...report, index }, bytes, standing, atoms);
    const committed = master.commit(change).then(() => {
      build.addDelivered(subjob);
      build.changes.note(atoms.map((atom) => atom.id));
      master.watchers.changed(id);
    });
    // Now it may be known how long atoms without history take. The result counts even if regrouping fails.
    await Promise.all([committed, this.#regrouper.considerLearned(build)]);
    const keptConsoles = new Set<number>(standing.map((atom) => atom.id));
    await this.#consoles.forget(
      id,
      consoles.flatMap(({ atom_id }) => (keptConsoles.has(atom_id) ? [] : [atom_id])),
    );
    master.metrics.resultAccepted(secondsOf(report), bytes);
    // A build at its max_executors may take another lease now.
    master.workAppeared();
  }

  /**
   * The scripts that rerun the atoms of a result, for its archive; none for a result that `accept` drops or refuses.
   * @throws NOT_FOUND, STALE_LEASE
   */
  async filesToAdd(id: BuildId, subjob: SubjobId, report: ResultReport): Promise<Iterable<AddedFile>> {
    const master = this.#master;
    const build = master.runningBuild(id);
    if (build === undefined) {
      return [];
    }
    const lease = reportedSubjobLease(master, build, { kind: 'subjob', subjob }, report.lease);
    return lease === 'accepted'
      ? []
      : scriptsOf(lease, await atomsOf(master, lease), report, new Date(master.now));
  }

  async #findLease(id: BuildId, subjob: SubjobId, ref: LeaseRef): Promise<SubjobLease | 'accepted'> {
    const master = this.#master;
    const name = { kind: 'subjob', subjob } as const;
    const build = master.runningBuild(id);
    if (build === undefined) {
      await requireAcceptedBefore(master, id, name, ref);
      return 'accepted';
    }
    const lease = reportedSubjobLease(master, build, name, ref);
    if (lease === 'accepted') {
      await master.writer.flush();
    }
    return lease;
  }

  #complete(
    lease: SubjobLease,
    report: ResultReport,
    bytes: number,
    standing: Verdicts,
    leased: readonly LeasedAtom[],
  ): StateChange {
    const master = this.#master;
    const { build, subjob } = lease;
    const { now } = master;
    const { atoms } = report;
    const unfinished = report.unfinished ?? [];
    const change = new StateChange();
    const actual = secondsOf(report);
    noteBegan(master, lease, actual * 1000);
    lease.setSlaveExecutor(report.ran_in.executor_index);
    const started = <T extends { readonly began?: number }>(ended: readonly T[]) =>
      ended.map((atom) => ({ ...atom, startedAt: lease.moment(atom.began, now) }));
    const superseded = otherHolders(master, lease);
    for (const one of [lease, ...superseded]) {
      master.leases.release(one);
    }
    this.#polls.resultAcknowledged(lease);
    lease.slave.recordSuccess();
    const task = build.work.endLease(lease, lease.id, { kind: 'completed' }, actual);
    const failed = atoms.filter(({ exit_code }) => exit_code !== 0);
    const isShown = (atom: AtomId) => countsReports(build.job) && build.reported.hasFailed(subjob, atom);
    const notShown = failed.filter(({ id }) => !isShown(id));
    build.reported.settle(subjob);
    const retries = build.stopping === null ? planRetries(lease, failed, leased) : [];
    // In a build that is being ended, only atoms with a verdict of an earlier attempt need another subjob.
    const rest = planRest(build, build.stopping === null ? unfinished : standing);
    for (const { id, verdict } of rest === null ? [] : standing) {
      build.reported.note(rest?.subjob ?? subjob, id, verdict);
    }
    for (const { id, subjob: next } of retries) {
      const exitCode = failed.find((atom) => atom.id === id)?.exit_code ?? 1;
      build.reported.note(next, id, { exitCode, seconds: null, lease: null });
    }
    const runAgain = new Set<number>(retries.map(({ id }) => id));
    for (const atom of notShown.filter(({ id }) => !runAgain.has(id))) {
      noteFailure(lease, leased, atom);
    }
    const retried = new Set(leased.flatMap(({ id, retries: n }) => (n > 0 ? [id] : [])));
    build.addResult(
      {
        done: atoms.length - retries.length,
        failed: failed.length - retries.length,
        lost: 0,
        flaky: atoms.filter(({ id, exit_code }) => exit_code === 0 && retried.has(id)).length,
        retries: retries.length,
      },
      atoms.flatMap(({ id, facts }) => (facts === undefined || runAgain.has(id) ? [] : [facts])),
      bytes,
    );
    const learned = {
      build: build.id,
      subjob,
      project: projectKey(build.project),
      job: build.job?.name ?? '',
    };
    change.writes.push(
      endLease(lease.id, 'DELIVERED', now, timesOf(lease, now, report.setup)),
      ...superseded.map((loser) => endLease(loser.id, 'CANCELED', now, timesOf(loser, now))),
      endSubjobLease(build.id, subjob, report.lease, { ...taskRow(task, null), index: report.index }),
      recordVerdicts(build.id, subjob, lease.id, started(atoms)),
      ...writesOfRuns(lease, task, report, leased, now),
      ...(failed.length > 0 ? recordFailures(build.id, lease.id, failuresOf(failed, leased)) : []),
      learnTimings(learned, now),
      ...(unfinished.length > 0 ? [recordInterrupted(build.id, subjob, lease.id, started(unfinished))] : []),
      ...writesOfNewSubjobs(build, retries, rest),
      appendEvent('SUBJOB_DONE', { ...eventFacts(lease), failed_atoms: failed.length }, now),
    );
    if (superseded.length > 0) {
      if (lease.isDuplicate) {
        master.metrics.duplicateWon();
      }
      master.buildChanged(build.id);
    }
    endIfOver(master, build, change);
    return change;
  }
}

function secondsOf({ atoms }: ResultReport): number {
  return atoms.reduce((sum, { actual_time }) => sum + actual_time, 0);
}

function writesOfNewSubjobs(
  { id, work }: ActiveBuild,
  retries: readonly Retry[],
  rest: Rest | null,
): Write[] {
  const writes: Write[] = [];
  if (rest !== null) {
    const { subjob, atoms } = rest;
    const row = { id: subjob, atoms: atoms.length, ...noEstimate };
    writes.push(insertSubjobs(id, [row]), moveAtoms(id, atoms, subjob));
  }
  if (retries.length > 0) {
    const rows = retries.map(({ subjob, estimate }) => ({ id: subjob, atoms: 1, ...estimate }));
    writes.push(
      insertSubjobs(id, rows),
      keepFailedRuns(
        id,
        retries.map((retry) => retry.id),
      ),
      retryAtoms(id, retries),
    );
  }
  return writes.length === 0 ? [] : [...writes, updateBuild(id, { num_subjobs: work.total })];
}

/** Scripts of the atoms that have a folder. Made one by one, as they are asked for: a job's commands may be long. */
function* scriptsOf(
  { build, subjob, executorIndex }: SubjobLease,
  atoms: readonly LeasedAtom[],
  report: ResultReport,
  mtime: Date,
): Generator<AddedFile> {
  if (build.job === null) {
    throw new Error(`Subjob ${subjob} of build ${build.id} runs before its job is known.`);
  }
  const { project_directory, executor_index } = report.ran_in;
  const delivered = new Set<AtomId>([
    ...report.atoms.map(({ id }) => id),
    ...report.index.consoles.map(({ atom_id }) => atom_id),
  ]);
  const script = rerunScriptsOf(build.id, build.job, subjob);
  for (const { id, variable, value } of atoms) {
    if (delivered.has(id)) {
      const content = script({
        atomId: id,
        variable,
        value,
        projectDirectory: project_directory,
        executorIndex: executor_index,
        buildExecutorIndex: executorIndex,
      });
      yield { path: `${atomFolder(subjob, id)}/${COMMAND_FILE}`, content, mode: 0o755, mtime };
    }
  }
}

/** Verdicts that an earlier attempt reported without delivering results, of atoms that this report leaves unfinished. */
function standingVerdicts(
  { reported }: ActiveBuild,
  subjob: SubjobId,
  { unfinished }: ResultReport,
): Verdicts {
  return (unfinished ?? []).flatMap(({ id }) => {
    const verdict = reported.find(subjob, id);
    return verdict === undefined || verdict.lease === null ? [] : [{ id, verdict }];
  });
}

/** Queues a subjob for atoms that a stopping slave left unfinished; null when it left none. */
function planRest(build: ActiveBuild, unfinished: readonly { readonly id: AtomId }[]): Rest | null {
  return unfinished.length === 0
    ? null
    : { subjob: build.work.addRest(unfinished.length, noEstimate), atoms: unfinished.map(({ id }) => id) };
}

/** Decides which of the failed atoms run again, and queues them. */
function planRetries(
  { build, slave }: SubjobLease,
  failed: ResultReport['atoms'],
  leased: readonly LeasedAtom[],
): Retry[] {
  const definition = build.job?.definition;
  if (definition?.retries === undefined) {
    return [];
  }
  const retried = new Map<number, number>(leased.map(({ id, retries }) => [id, retries]));
  const candidates = failed.map((atom) => ({ ...atom, retried: retried.get(atom.id) ?? 0 }));
  const left = retryBudget(definition, build.numAtoms ?? 0) - build.counts.retries;
  const again = atomsToRetry(candidates, definition.retries, left);
  // How long it took to fail says little about how long it takes to pass.
  const estimates = again.map(({ actual_time }) => ({ expected: actual_time, stdDev: actual_time }));
  const subjobs = build.work.addRetries(estimates, slave.id);
  return again.flatMap(({ id }, place) => {
    const [subjob, estimate] = [subjobs[place], estimates[place]];
    return subjob === undefined || estimate === undefined ? [] : [{ id, subjob, estimate }];
  });
}

/** @throws INVALID_REQUEST unless there is one verdict for each atom of the subjob and no other */
function requireSame(expected: readonly number[], { atoms: ended, unfinished }: ResultReport): void {
  const atoms = [...ended, ...(unfinished ?? [])];
  const reported = new Set<number>(atoms.map(({ id }) => id));
  const isSame = atoms.length === expected.length && expected.every((id) => reported.has(id));
  if (!isSame) {
    throw new ClusterRunnerError(
      'INVALID_REQUEST',
      `The report must hold one verdict for each atom of the subjob (${expected.length} atoms); it has ${atoms.length} of others.`,
    );
  }
}
