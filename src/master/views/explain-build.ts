import type { BuildWork } from '../../domain/build-work.js';
import { reasonsToWait, takesWork } from '../../domain/explain.js';
import { inOrderOfService } from '../../domain/scheduling/fair-share.js';
import { commandString } from '../../job/command-string.js';
import { seconds } from '../../lib/clock.js';
import type { Explanation, QueueWait } from '../../protocol/build/explanation.js';
import { type BuildId, type SubjobId, toId } from '../../protocol/ids.js';
import type { ActiveBuild } from '../state/active-build.js';
import type { ActiveLease } from '../state/active-lease.js';
import type { Page } from '../state/master-api.js';
import type { MasterState } from '../state/master-state.js';
import { type AtomView, runningAtoms } from '../store/atom-views.js';
import { bySubjobOf } from './atom-view.js';

const MAX_RUNNING_SHOWN = 1000;

/** Explains builds at one moment. */
function explainer(master: MasterState) {
  const slaves = [...master.slaves.connected()].map((slave) => ({
    id: slave.id,
    name: slave.name,
    numExecutors: slave.numExecutors,
    inUse: master.leases.executorsInUse(slave),
    draining: slave.isDraining,
    sick: slave.unavailableReason(master.steady) !== null,
    suspect: slave.isSuspect,
  }));
  const busyWith = executorsByBuild(master);
  const problem = master.disk.problem ?? master.disk.recentRefusal;
  const full = problem === null ? [] : [{ reason: 'DISK_FULL', text: problem } as const];
  return {
    busyWith,
    totals: {
      num_executors: slaves.reduce((sum, { numExecutors }) => sum + numExecutors, 0),
      num_executors_busy: slaves.reduce((sum, { inUse }) => sum + inUse, 0),
      num_executors_closed: slaves.reduce(
        (sum, slave) => sum + (takesWork(slave) ? 0 : slave.numExecutors),
        0,
      ),
    },
    reasonsOf: ({ work }: ActiveBuild) => [...full, ...reasonsToWait(work, slaves, busyWith)],
  };
}

/** The builds of a page of the queue, and why they wait. `running` are all that have not ended, older first. */
export function queuePage(
  master: MasterState,
  running: readonly ActiveBuild[],
  { offset, limit }: Page,
): { readonly builds: readonly ActiveBuild[]; readonly waiting: QueueWait } {
  const waiting = running.map(({ work }) => work).filter(waitsForExecutors);
  const ordered = inOrderOfService(waiting, master.nowSeconds);
  const places = new Map(ordered.map(({ id }, index) => [id, index + 1]));
  const placeOf = ({ id }: ActiveBuild) => places.get(id) ?? Number.MAX_SAFE_INTEGER;
  const builds = [...running].sort((a, b) => placeOf(a) - placeOf(b)).slice(offset, offset + limit);
  const { totals, reasonsOf } = explainer(master);
  return {
    builds,
    waiting: {
      ...totals,
      builds: builds.map((build) => ({
        build_id: build.id,
        place: places.get(build.id) ?? null,
        reasons: reasonsOf(build),
      })),
    },
  };
}

function waitsForExecutors({ state, queued, running, limits }: BuildWork): boolean {
  return state === 'QUEUED' || (state === 'BUILDING' && queued > 0 && running < limits.maxExecutors);
}

/** Why a running build is not done yet. It may end while its atoms are read, so all else is taken before. */
export async function explainRunning(master: MasterState, build: ActiveBuild): Promise<Explanation> {
  const { busyWith, totals, reasonsOf } = explainer(master);
  const held = [...master.leases.ofBuild(build)].slice(0, MAX_RUNNING_SHOWN);
  const subjobs = held.flatMap((lease) => subjobOf(lease) ?? []);
  const leases = held.map(({ id }) => id);
  const { state } = build.work;
  const reasons = reasonsOf(build);
  const atoms = subjobs.length === 0 ? [] : await runningAtoms(master.store.db, build.id, subjobs, leases);
  const bySubjob = bySubjobOf(atoms);
  return {
    build_id: build.id,
    state,
    reasons,
    ...totals,
    builds: busyWith.map(({ build: id, executors }) => ({ build_id: id, num_executors: executors })),
    running: held.map((lease) => presentRunning(lease, bySubjob.get(subjobOf(lease) ?? -1) ?? [])),
  };
}

function executorsByBuild(master: MasterState): { build: BuildId; executors: number }[] {
  const executors = new Map<BuildId, number>();
  for (const slave of master.slaves.connected()) {
    for (const { build } of master.leases.withExecutor(slave)) {
      executors.set(build.id, (executors.get(build.id) ?? 0) + 1);
    }
  }
  return [...executors].map(([build, number]) => ({ build, executors: number }));
}

function presentRunning(lease: ActiveLease, atoms: readonly AtomView[]): Explanation['running'][number] {
  const { slave, takenAt } = lease;
  return {
    subjob_id: subjobOf(lease),
    slave_id: slave.id,
    slave: slave.name,
    since: seconds(takenAt),
    duplicate: lease.kind === 'subjob' && lease.isDuplicate,
    atoms: atoms.map((atom) => ({ id: toId.atom(atom.atom_id), command_string: commandString(atom) })),
  };
}

function subjobOf(lease: ActiveLease): SubjobId | null {
  return lease.kind === 'subjob' ? lease.subjob : null;
}
