import { ClusterRunnerError } from '../../protocol/errors.js';
import type { BuildId, SlaveId, SubjobId } from '../../protocol/ids.js';
import type { Progress, SubjobProgress } from '../../protocol/slave/slave-messages.js';
import { failuresOf } from '../builds/failure-of.js';
import type { LiveConsoles } from '../consoles/live.js';
import { countsReports, noteFailure } from '../leases/failure-feed.js';
import { reportedSubjobLease, requireAcceptedBefore } from '../leases/lease-check.js';
import { atomsOf, isSecondHolder, noteBegan } from '../leases/lease-lifecycle.js';
import type { SubjobLease } from '../state/active-lease.js';
import type { MasterState } from '../state/master-state.js';
import type { RegisteredSlave } from '../state/registered-slave.js';
import { recordProgress } from '../store/atoms.js';
import { recordFailures } from '../store/stored-failures.js';

/**
 * Accepts a report of atoms that run, and of what they print.
 * @throws SLAVE_UNKNOWN, NOT_FOUND, STALE_LEASE, INVALID_REQUEST, UNAVAILABLE
 */
export async function acceptProgress(
  master: MasterState,
  consoles: LiveConsoles,
  slave: SlaveId,
  id: BuildId,
  subjob: SubjobId,
  progress: Progress,
): Promise<void> {
  master.writer.requireWritable();
  master.slaves.recordContact(slave, master.now);
  const name = { kind: 'subjob', subjob } as const;
  const build = master.runningBuild(id);
  if (build === undefined) {
    return requireAcceptedBefore(master, id, name, progress.lease);
  }
  const lease = reportedSubjobLease(master, build, name, progress.lease);
  if (lease === 'accepted') {
    return;
  }
  await recordAtoms(master, lease, progress);
  if (isSecondHolder(lease) || progress.consoles.length === 0) {
    return;
  }
  const atoms = new Set<number>((await atomsOf(master, lease)).map((atom) => atom.id));
  for (const piece of progress.consoles) {
    if (!atoms.has(piece.atom_id)) {
      throw new ClusterRunnerError('INVALID_REQUEST', `Atom ${piece.atom_id} is not in subjob ${subjob}.`);
    }
    await appendPiece(consoles, lease, piece);
  }
}

/** Records the progress that comes with a poll. Reports of leases that are over are ignored. */
export function recordPolledProgress(
  master: MasterState,
  slave: RegisteredSlave,
  progress: readonly SubjobProgress[],
): void {
  for (const report of progress) {
    const { build_id, subjob_id, lease: ref } = report;
    const lease = master.leases.find(ref.lease_id);
    if (
      lease?.kind === 'subjob' &&
      lease.slave === slave &&
      lease.build.id === build_id &&
      lease.subjob === subjob_id &&
      lease.attempt === ref.attempt &&
      lease.token === ref.token
    ) {
      // A store that cannot be written is reported to callers that wait for it; nobody waits for this.
      recordAtoms(master, lease, report).catch(() => undefined);
    }
  }
}

/** Resolves when the store has it; need not be awaited. Rejects only when the store cannot be written. */
async function recordAtoms(
  master: MasterState,
  lease: SubjobLease,
  { atoms: reported, executor_index }: Pick<SubjobProgress, 'atoms' | 'executor_index'>,
): Promise<void> {
  const { build, subjob, id } = lease;
  if (executor_index !== undefined) {
    lease.setSlaveExecutor(executor_index);
  }
  const atoms = reported.filter(({ state, exit_code }) => state === 'IN_PROGRESS' || exit_code !== null);
  if (atoms.length === 0) {
    return;
  }
  const { now } = master;
  noteBegan(master, lease);
  lease.recordProgress(atoms, now);
  // Reports of two holders about the same atoms must not be mixed.
  if (isSecondHolder(lease)) {
    return;
  }
  // Written in order with whatever ends the lease: before it, or not at all.
  const timed = atoms.map((atom) => ({ ...atom, startedAt: lease.moment(atom.began, now) }));
  const failed = atoms.filter(({ last_lines }) => last_lines !== undefined);
  const [verdicts] = await master.writer.record([
    recordProgress(build.id, subjob, id, timed, now),
    ...(failed.length > 0 ? recordFailures(build.id, id, failuresOf(failed, lease.atoms ?? [])) : []),
  ]);
  build.changes.note(atoms.map((atom) => atom.id));
  // Shown only after the commit, so that no restart of the master takes back what anybody has seen.
  const ended = new Map(atoms.map((atom) => [atom.id, atom]));
  const hasFailed = verdicts.some((atom) => (ended.get(atom)?.exit_code ?? 0) !== 0);
  // For their names, which are nearly always in memory.
  const leased = hasFailed ? await atomsOf(master, lease) : [];
  if (verdicts.length > 0 && build.work.task(lease)?.state !== 'done') {
    for (const atom of verdicts) {
      const { exit_code, actual_time } = ended.get(atom) ?? { exit_code: null, actual_time: null };
      if (countsReports(build.job) && exit_code !== 0 && !build.reported.hasFailed(subjob, atom)) {
        noteFailure(lease, leased, { id: atom, exit_code, actual_time });
      }
      build.reported.note(subjob, atom, { exitCode: exit_code ?? 0, seconds: actual_time, lease: id });
    }
    master.watchers.changed(build.id);
  }
}

/** Bytes that were reported before are not appended again; bytes that the slave left out are missing. */
async function appendPiece(
  consoles: LiveConsoles,
  lease: SubjobLease,
  { atom_id: atom, offset, content, lines_before }: Progress['consoles'][number],
): Promise<void> {
  const bytes = Buffer.from(content, 'base64');
  const piece = lease.recordConsole(atom, offset, bytes.length);
  if (piece === null) {
    return;
  }
  const { build, subjob } = lease;
  await consoles.append(
    { build: build.id, atom, lease: lease.id },
    {
      bytes: bytes.subarray(piece.known),
      isStart: offset === 0 && piece.isFirst,
      linesBefore: piece.known === 0 ? lines_before : undefined,
      verdictOf: build.reported.find(subjob, atom)?.lease ?? null,
    },
  );
}
