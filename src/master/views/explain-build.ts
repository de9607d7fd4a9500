import { reasonsToWait } from '../../domain/explain.js';
import { commandString } from '../../job/command-string.js';
import { seconds } from '../../lib/clock.js';
import type { Explanation } from '../../protocol/build/explanation.js';
import { type BuildId, toId } from '../../protocol/ids.js';
import type { ActiveBuild, ActiveLease } from '../state/entries.js';
import type { MasterState } from '../state/master-state.js';
import { executorsInUse, leasesInUse, unavailableReason } from '../state/slave-registry.js';
import { type AtomView, runningAtoms } from '../store/atom-views.js';
import { bySubjobOf } from './atom-view.js';

const MAX_RUNNING_SHOWN = 1000;

/** Why a build that runs is not done yet. */
export async function explainRunning(master: MasterState, build: ActiveBuild): Promise<Explanation> {
  const slaves = [...master.slaves.connected()].map((slave) => ({
    id: slave.id,
    name: slave.name,
    numExecutors: slave.numExecutors,
    inUse: executorsInUse(slave),
    draining: slave.draining,
    sick: unavailableReason(slave, master.steady) !== null,
  }));
  const busyWith = executorsByBuild(master);
  const problem = master.room.problem ?? master.room.unfit;
  const full = problem === null ? [] : [{ reason: 'DISK_FULL', text: problem } as const];
  const reasons = [...full, ...reasonsToWait(build.work, slaves, busyWith)];
  const held = [...build.leases].slice(0, MAX_RUNNING_SHOWN);
  const subjobs = held.flatMap(({ subjob }) => (subjob === null ? [] : [subjob]));
  const leases = held.map(({ task }) => task.lease);
  const atoms = subjobs.length === 0 ? [] : await runningAtoms(master.store.db, build.id, subjobs, leases);
  const bySubjob = bySubjobOf(atoms);
  return {
    build_id: build.id,
    state: build.work.state,
    reasons,
    num_executors: slaves.reduce((sum, { numExecutors }) => sum + numExecutors, 0),
    num_executors_busy: slaves.reduce((sum, { inUse }) => sum + inUse, 0),
    builds: busyWith.map(({ build: id, executors }) => ({ build_id: id, num_executors: executors })),
    running: held.map((lease) => presentRunning(lease, bySubjob.get(lease.subjob ?? -1) ?? [])),
  };
}

function executorsByBuild(master: MasterState): { build: BuildId; executors: number }[] {
  const executors = new Map<BuildId, number>();
  for (const slave of master.slaves.connected()) {
    for (const { build } of leasesInUse(slave)) {
      executors.set(build.id, (executors.get(build.id) ?? 0) + 1);
    }
  }
  return [...executors].map(([build, number]) => ({ build, executors: number }));
}

function presentRunning(
  { subjob, slave, takenAt, isDuplicate }: ActiveLease,
  atoms: readonly AtomView[],
): Explanation['running'][number] {
  return {
    subjob_id: subjob,
    slave_id: slave.id,
    slave: slave.name,
    since: seconds(takenAt),
    duplicate: isDuplicate,
    atoms: atoms.map((atom) => ({ id: toId.atom(atom.atom_id), command_string: commandString(atom) })),
  };
}
