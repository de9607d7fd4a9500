import { ClusterRunnerError } from '../../protocol/errors.js';
import type { BuildId, SlaveId, SubjobId } from '../../protocol/ids.js';
import type { Progress, SubjobProgress } from '../../protocol/slave/slave-messages.js';
import type { LiveConsoles } from '../consoles/live.js';
import { reported, requireAcceptedBefore } from '../leases/lease-check.js';
import { atomsOf, isBeside, noteBegan } from '../leases/lease-lifecycle.js';
import type { ActiveLease, RegisteredSlave } from '../state/entries.js';
import type { MasterState } from '../state/master-state.js';
import { recordProgress } from '../store/atoms.js';
import { countsReports } from '../views/build-view.js';
import { noteFailure } from '../views/failure-feed.js';

/**
 * Takes what a slave says of atoms that run.
 * @throws SLAVE_UNKNOWN, NOT_FOUND, STALE_LEASE, INVALID_REQUEST, UNAVAILABLE
 */
export async function takeProgress(
  master: MasterState,
  consoles: LiveConsoles,
  slave: SlaveId,
  id: BuildId,
  subjob: SubjobId,
  progress: Progress,
): Promise<void> {
  master.writer.requireWritable();
  master.slaves.hear(slave, master.now);
  const build = master.builds.get(id);
  if (build === undefined || build.ending !== null) {
    await build?.ending;
    return requireAcceptedBefore(master, id, subjob, progress.lease);
  }
  const found = reported(master, build, subjob, progress.lease);
  if (found === 'accepted') {
    return;
  }
  const { held } = found;
  await noteAtoms(master, held, progress.atoms);
  if (isBeside(held)) {
    return;
  }
  if (progress.consoles.length > 0) {
    const atoms = new Set<number>((await atomsOf(master, found.held, subjob)).map((atom) => atom.id));
    for (const piece of progress.consoles) {
      const { atom_id } = piece;
      if (!atoms.has(atom_id)) {
        throw new ClusterRunnerError('INVALID_REQUEST', `Atom ${atom_id} is not in subjob ${subjob}.`);
      }
      await append(consoles, held, piece);
    }
  }
}

/** Takes the progress that comes with a question for work. What is over, or never was, is passed over. */
export function noteProgress(
  master: MasterState,
  slave: RegisteredSlave,
  progress: readonly SubjobProgress[],
): void {
  for (const { build_id, subjob_id, lease, atoms } of progress) {
    const held = slave.leases.get(lease.lease_id);
    if (
      held?.build.id === build_id &&
      held.subjob === subjob_id &&
      held.task.attempt === lease.attempt &&
      held.token === lease.token
    ) {
      // Whoever waits for the store is told when it cannot be written; nobody waits for this.
      noteAtoms(master, held, atoms).catch(() => undefined);
    }
  }
}

/** Resolves when the store has it; need not be awaited. Rejects only when the store cannot be written. */
async function noteAtoms(master: MasterState, held: ActiveLease, news: Progress['atoms']): Promise<void> {
  const { build, subjob, task } = held;
  const atoms = news.filter(({ state, exit_code }) => state === 'IN_PROGRESS' || exit_code !== null);
  if (atoms.length === 0 || subjob === null) {
    return;
  }
  const { now } = master;
  noteBegan(master, held);
  for (const { id, state } of atoms) {
    if (state === 'IN_PROGRESS') {
      held.runs = { atom: id, since: now };
    } else if (held.runs?.atom === id) {
      held.runs = null;
    }
  }
  // Two that tell of the same atoms would make one picture of neither.
  if (isBeside(held)) {
    return;
  }
  // Written in turn with whatever ends the lease: before it, or not at all.
  const [verdicts] = await master.writer.record([recordProgress(build.id, subjob, task.lease, atoms, now)]);
  // Shown from now on, so that no restart of the master takes back what anybody has seen.
  const ended = new Map(atoms.map((atom) => [atom.id, atom]));
  const hasFailed = verdicts.some((id) => (ended.get(id)?.exit_code ?? 0) !== 0);
  // For their names; nearly always they are in the memory.
  const leased = hasFailed ? await atomsOf(master, held, subjob) : [];
  if (verdicts.length > 0 && build.work.subjob(subjob)?.task.kind !== 'done') {
    for (const id of verdicts) {
      const { exit_code, actual_time } = ended.get(id) ?? { exit_code: null, actual_time: null };
      if (countsReports(build.job) && exit_code !== 0 && !build.reported.hasFailed(subjob, id)) {
        noteFailure(held, leased, { id, exit_code, actual_time });
      }
      const verdict = { exitCode: exit_code ?? 0, seconds: actual_time, lease: task.lease };
      build.reported.note(subjob, id, verdict);
    }
    master.watchers.changed(build.id);
  }
}

/** A piece that came before is not appended again; what the slave left out is missing. */
async function append(
  consoles: LiveConsoles,
  held: ActiveLease,
  { atom_id: atom, offset, content, lines_before }: Progress['consoles'][number],
): Promise<void> {
  const bytes = Buffer.from(content, 'base64');
  const { consoleEnds, build } = held;
  const known = consoleEnds.get(atom);
  if (held.isDuplicate && known === undefined && offset > 0) {
    // What it printed while another one was shown is missing; all of it is in the result.
    return;
  }
  const surplus = Math.max(0, (known ?? 0) - offset);
  if (surplus >= bytes.length && known !== undefined) {
    return;
  }
  consoleEnds.set(atom, offset + bytes.length);
  const attempt = { build: build.id, atom, lease: held.task.lease };
  await consoles.append(attempt, {
    bytes: bytes.subarray(surplus),
    isStart: offset === 0 && known === undefined,
    linesBefore: surplus === 0 ? lines_before : undefined,
    verdictOf: (held.subjob === null ? undefined : build.reported.find(held.subjob, atom))?.lease ?? null,
  });
}
