import type { ReportedVerdict } from '../../domain/reported-verdicts.js';
import { atomsToRetry, retryBudget } from '../../domain/retries.js';
import type { DurationEstimate } from '../../domain/scheduling/duration-estimate.js';
import { healthy } from '../../domain/slave-health.js';
import { KeyedMutex } from '../../lib/async/keyed-mutex.js';
import { removeFile } from '../../lib/fs/remove-file.js';
import { ClusterRunnerError } from '../../protocol/errors.js';
import { type AtomId, atomFolder, type BuildId, type SlaveId, type SubjobId } from '../../protocol/ids.js';
import { COMMAND_FILE } from '../../protocol/results/archive-names.js';
import { addFacts } from '../../protocol/results/result-facts.js';
import type { LeaseRef, ResultReport } from '../../protocol/slave/slave-messages.js';
import { ArchiveKeeper, archivePath } from '../archives/archive-files.js';
import type { AddedFile } from '../archives/incoming/added-files.js';
import { rerunScriptsOf } from '../archives/rerun-scripts.js';
import type { LiveConsoles } from '../consoles/live.js';
import { endIfOver } from '../leases/finish-build.js';
import { type Reported, reported, requireAcceptedBefore, staleLease } from '../leases/lease-check.js';
import { atomsOf, besides, factsOf, noteBegan, taskRow } from '../leases/lease-lifecycle.js';
import type { WaitingRegrouper } from '../leases/regroup-waiting.js';
import type { ActiveBuild, ActiveLease } from '../state/entries.js';
import type { ReceivedResult } from '../state/master-api.js';
import { type MasterState, StateChange } from '../state/master-state.js';
import { type LeasedAtom, moveAtoms, recordInterrupted, recordVerdicts, retryAtoms } from '../store/atoms.js';
import { updateBuild } from '../store/builds.js';
import { appendEvent } from '../store/events.js';
import { endLease } from '../store/leases.js';
import { endSubjobLease, insertSubjobs } from '../store/subjobs.js';
import { learnTimings } from '../store/timings.js';
import { countsReports } from '../views/build-view.js';
import { noteFailure } from '../views/failure-feed.js';
import { projectKey } from './build-request.js';

/** Takes what slaves deliver of subjobs. */
export class ResultReports {
  readonly #master: MasterState;
  /** Two deliveries of one subjob must not move their archives past each other. */
  readonly #turns = new KeyedMutex();

  readonly #archives = new ArchiveKeeper();
  readonly #consoles: LiveConsoles;
  readonly #regrouping: WaitingRegrouper;

  constructor(master: MasterState, consoles: LiveConsoles, regrouping: WaitingRegrouper) {
    this.#master = master;
    this.#regrouping = regrouping;
    this.#consoles = consoles;
  }

  /**
   * Of a build that has left the memory it says nothing: `accept` asks the store.
   * @throws SLAVE_UNKNOWN, NOT_FOUND, STALE_LEASE
   */
  check(slave: SlaveId, id: BuildId, subjob: SubjobId, lease: LeaseRef): void {
    const master = this.#master;
    master.slaves.hear(slave, master.now);
    master.writer.requireWritable();
    master.room.require();
    const build = master.builds.get(id);
    if (build !== undefined && build.ending === null) {
      reported(master, build, subjob, lease);
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
    slaves.hear(slave, now);
    await this.#turns.run(`${id}/${subjob}`, () => this.#accept(id, subjob, report, archive));
  }

  async #accept(
    id: BuildId,
    subjob: SubjobId,
    report: ResultReport,
    { temporaryPath, bytes, addedMembers, entryListPath }: ReceivedResult,
  ): Promise<void> {
    const master = this.#master;
    const before = await this.#find(id, subjob, report.lease);
    if (before === 'accepted') {
      await removeFile(temporaryPath);
      return;
    }
    const atoms = await atomsOf(master, before.held, subjob);
    requireSame(
      atoms.map(({ id }) => id),
      report,
    );
    // Should the lease end meanwhile, what lies there belongs to nothing, and the next result replaces it.
    const path = archivePath(master.resultsDirectory, id, subjob);
    await this.#archives.keep(temporaryPath, entryListPath, path);
    const build = master.builds.get(id);
    if (build === undefined || build.ending !== null) {
      throw staleLease(report.lease);
    }
    const found = reported(master, build, subjob, report.lease);
    if (found === 'accepted') {
      throw new Error(`The result of subjob ${subjob} of build ${id} was accepted out of turn.`);
    }
    master.writer.requireWritable();
    build.resultBytes += bytes;
    // What they have said when they gave a verdict, on a slave that was lost, is not in this archive.
    const standing = new Set<number>(verdictsOf(build, subjob, report).map(({ id }) => id));
    const { members, consoles } = report.index;
    const index = { members: [...members, ...addedMembers], consoles };
    const change = this.#complete(found.held, build, subjob, { ...report, index }, atoms);
    const committed = master.commit(change).then(() => {
      build.delivered.push(subjob);
      master.watchers.changed(id);
    });
    // Now it may be known how long atoms take that no build had run. Should that fail, the result counts all the same.
    await Promise.all([committed, this.#regrouping.considerLearned(build)]);
    // Of an atom that is not in the archive it may be the only one.
    await this.#consoles.forget(
      id,
      report.index.consoles.flatMap(({ atom_id }) => (standing.has(atom_id) ? [] : [atom_id])),
    );
    const times = report.atoms.reduce((sum, { actual_time }) => sum + actual_time, 0);
    master.metrics.resultAccepted(times, bytes);
    // A build at its max_executors has room for another lease now.
    master.workAppeared();
  }

  /**
   * The scripts that rerun the atoms of a result, for its archive; none of one that `accept` drops or refuses.
   * @throws NOT_FOUND, STALE_LEASE
   */
  async filesToAdd(id: BuildId, subjob: SubjobId, report: ResultReport): Promise<Iterable<AddedFile>> {
    const master = this.#master;
    const build = master.builds.get(id);
    if (build === undefined || build.ending !== null) {
      return [];
    }
    const found = reported(master, build, subjob, report.lease);
    if (found === 'accepted') {
      return [];
    }
    const { held } = found;
    return scriptsOf(held, await atomsOf(master, held, subjob), subjob, report, new Date(master.now));
  }

  async #find(id: BuildId, subjob: SubjobId, lease: LeaseRef): Promise<Reported> {
    const master = this.#master;
    const build = master.builds.get(id);
    if (build === undefined || build.ending !== null) {
      await build?.ending;
      await requireAcceptedBefore(master, id, subjob, lease);
      return 'accepted';
    }
    const found = reported(master, build, subjob, lease);
    if (found === 'accepted') {
      await master.writer.flush();
    }
    return found;
  }

  #complete(
    held: ActiveLease,
    build: ActiveBuild,
    subjob: SubjobId,
    report: ResultReport,
    leased: readonly LeasedAtom[],
  ): StateChange {
    const { lease, atoms, index } = report;
    const retries = new Map<number, number>(leased.map((atom) => [atom.id, atom.retries]));
    const unfinished = report.unfinished ?? [];
    const { now } = this.#master;
    const change = new StateChange();
    const actual = atoms.reduce((sum, { actual_time }) => sum + actual_time, 0);
    noteBegan(this.#master, held, actual * 1000);
    const superseded = besides(this.#master, held);
    for (const one of [held, ...superseded]) {
      this.#master.releaseLease(one);
    }
    // The slave knows: that it names this lease in its open question is no reason to answer that.
    held.slave.toldCancel.add(lease.lease_id);
    held.slave.health = healthy;
    const task = build.work.endSubjob(subjob, lease.lease_id, { kind: 'completed' }, actual);
    const isTold = (atom: AtomId) => countsReports(build.job) && build.reported.hasFailed(subjob, atom);
    const untold = atoms.filter(({ id, exit_code }) => exit_code !== 0 && !isTold(id));
    const standing = verdictsOf(build, subjob, report);
    build.reported.settle(subjob);
    const failed = atoms.filter(({ exit_code }) => exit_code !== 0).length;
    const again = build.stopping === null ? planRetries(held, build, atoms, retries) : [];
    // Of a build that is being ended only those need a folder elsewhere whose verdict an earlier attempt has given.
    const rest = planRest(build, build.stopping === null ? unfinished : standing);
    for (const { id, verdict } of rest === null ? [] : standing) {
      build.reported.note(rest?.subjob ?? subjob, id, verdict);
    }
    build.atomsDone += atoms.length - again.length;
    build.atomsFailed += failed - again.length;
    build.atomsFlaky += atoms.filter(
      ({ id, exit_code }) => exit_code === 0 && (retries.get(id) ?? 0) > 0,
    ).length;
    for (const { id: atom, subjob: next } of again) {
      const exitCode = atoms.find(({ id }) => id === atom)?.exit_code ?? 1;
      build.reported.note(next, atom, { exitCode, seconds: null, lease: null });
    }
    const runAgain = new Set<number>(again.map(({ id }) => id));
    for (const atom of untold.filter(({ id }) => !runAgain.has(id))) {
      noteFailure(held, leased, atom);
    }
    for (const { id, facts } of atoms) {
      if (facts !== undefined && !runAgain.has(id)) {
        build.resultFacts = addFacts(build.resultFacts, facts);
      }
    }
    const numSubjobs = build.work.total;
    const learned = {
      build: build.id,
      subjob,
      project: projectKey(build.project),
      job: build.job?.name ?? '',
    };
    const { writes } = change;
    writes.push(
      endLease(lease.lease_id, 'DELIVERED', now),
      ...superseded.map(({ task: loser }) => endLease(loser.lease, 'CANCELED', now)),
      endSubjobLease(build.id, subjob, lease, { ...taskRow(task, null), index }),
      recordVerdicts(build.id, subjob, lease.lease_id, atoms),
      learnTimings(learned, now),
    );
    if (unfinished.length > 0) {
      writes.push(recordInterrupted(build.id, subjob, lease.lease_id, unfinished));
    }
    if (rest !== null) {
      writes.push(
        insertSubjobs(build.id, [{ id: rest.subjob, atoms: rest.atoms.length, ...rest.estimate }]),
        moveAtoms(build.id, rest.atoms, rest.subjob),
      );
    }
    if (again.length > 0) {
      const subjobs = again.map(({ subjob: one, estimate }) => ({ id: one, atoms: 1, ...estimate }));
      writes.push(insertSubjobs(build.id, subjobs), retryAtoms(build.id, again));
    }
    if (rest !== null || again.length > 0) {
      writes.push(updateBuild(build.id, { num_subjobs: numSubjobs }));
    }
    writes.push(appendEvent('SUBJOB_DONE', { ...factsOf(held), failed_atoms: failed }, now));
    if (superseded.length > 0 && held.isDuplicate) {
      this.#master.metrics.duplicateWon();
    }
    if (superseded.length > 0) {
      this.#master.newsOf(build.id);
    }
    endIfOver(this.#master, build, change);
    return change;
  }
}

/** Of the atoms that have a folder. One after another, as they are asked for: a job's commands may be long. */
function* scriptsOf(
  { build, executorIndex }: ActiveLease,
  atoms: readonly LeasedAtom[],
  subjob: SubjobId,
  report: ResultReport,
  mtime: Date,
): Generator<AddedFile> {
  if (build.job === null || executorIndex === null) {
    throw new Error(`Subjob ${subjob} of build ${build.id} runs, and nobody knows its job.`);
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

/** Of atoms without a verdict in a report: those that an earlier attempt has reported, and whose results are not there. */
function verdictsOf(
  { reported }: ActiveBuild,
  subjob: SubjobId,
  { unfinished }: ResultReport,
): { readonly id: AtomId; readonly verdict: ReportedVerdict }[] {
  return (unfinished ?? []).flatMap(({ id }) => {
    const verdict = reported.find(subjob, id);
    return verdict === undefined || verdict.lease === null ? [] : [{ id, verdict }];
  });
}

/** A subjob for what a slave that stops has left of its own; null when it has left nothing. */
function planRest(
  build: ActiveBuild,
  unfinished: readonly { readonly id: AtomId }[],
): { subjob: SubjobId; atoms: readonly AtomId[]; estimate: DurationEstimate } | null {
  if (unfinished.length === 0) {
    return null;
  }
  const estimate = { expected: null, stdDev: 0 };
  const subjob = build.work.addRest(unfinished.length, estimate);
  return { subjob, atoms: unfinished.map(({ id }) => id), estimate };
}

/** Decides which atoms run again, and queues them in memory. */
function planRetries(
  { slave }: ActiveLease,
  build: ActiveBuild,
  atoms: ResultReport['atoms'],
  retries: ReadonlyMap<number, number>,
): { id: AtomId; subjob: SubjobId; estimate: DurationEstimate }[] {
  const definition = build.job?.definition;
  if (definition?.retries === undefined) {
    return [];
  }
  const failed = atoms
    .filter(({ exit_code }) => exit_code !== 0)
    .map((atom) => ({ ...atom, retried: retries.get(atom.id) ?? 0 }));
  const left = retryBudget(definition, build.numAtoms ?? 0) - build.retriesUsed;
  const again = atomsToRetry(failed, definition.retries, left);
  build.retriesUsed += again.length;
  // How long it took to fail says little of how long it takes to pass.
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
